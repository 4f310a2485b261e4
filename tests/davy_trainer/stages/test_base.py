import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError
from skimage import data
from typer.testing import CliRunner

from davy.domain.errors import ConfigError
from davy.imaging.detect.shipped import shipped_path
from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.nets import IspCnn
from davy.imaging.nets.checkpoint import load_checkpoint, load_net
from davy_trainer.cli.main import app
from davy_trainer.data.credits import write_credits
from davy_trainer.data.echo import Echo
from davy_trainer.data.packed import PHOTOGRAPH, SCENE, pack, unpack, usable_photograph
from davy_trainer.objectives import base_losses
from davy_trainer.objectives.people_guide import PeopleGuide
from davy_trainer.runs.device import Device
from davy_trainer.runs.run import CHECKPOINT, begin_from
from davy_trainer.stages import base
from davy_trainer.stages.base_settings import BaseSettings
from davy_trainer.stages.loop import Outputs
from davy_trainer.stages.presets import preset

TINY = {
    "device": "cpu",
    "batch": 2,
    "width": 8,
    "detail": 8,
    "pool": 3,
    "echo": 2,
    "warmup_steps": 1,
    "log_every": 1,
    "windows_every": 1,
}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def packed_file(tmp_path_factory):
    """Three photographs, one of them hazy, and two scenes."""
    root = tmp_path_factory.mktemp("packed")
    for name, image in (("a", data.chelsea()), ("b", data.chelsea()[:, ::-1]), ("hazy", data.coffee() // 4 + 150)):
        (root / "normal" / "free").mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(root / "normal" / "free" / f"{name}.png"), np.ascontiguousarray(image[:, :, ::-1]))
    for index in range(2):
        high = cv2.resize(data.coffee()[:, :, ::-1], SCENE[::-1], interpolation=cv2.INTER_AREA)
        for kind, pixels in (("low", high // 6), ("high", high)):
            (root / "scenes" / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(root / "scenes" / kind / f"s{index}.png"), pixels)
        cv2.imwrite(str(root / "scenes" / "high" / f"s{index}.depth.png"), np.full(SCENE, 7000, np.uint16))
    assert pack([root / "normal"], [root / "scenes"], root / "data.pack", 1000, lambda done, total: None) == (2, 2)
    return root / "data.pack"


def settings(packed_file, **changes):
    return BaseSettings(**{"data": packed_file, "steps": 4, **TINY, **changes})


def test_a_packed_file_holds_what_is_clear_and_what_cameras_saw(packed_file):
    packed = unpack(packed_file)
    assert packed.photographs.shape == (2, *PHOTOGRAPH, 3)
    assert packed.low.shape == packed.high.shape == (2, *SCENE, 3)
    assert np.allclose(packed.depth, 7.0) and packed.depth.shape == (2, SCENE[0] // 4, SCENE[1] // 4)
    assert list(packed.names) == ["normal/free/a.png", "normal/free/b.png"]
    assert packed.low.mean() < packed.high.mean() / 4


def test_a_packed_file_keeps_to_its_size(packed_file, tmp_path):
    root = packed_file.parent
    count = pack([root / "normal"], [root / "scenes"], tmp_path / "small.pack", 0.12, lambda done, total: None)
    assert (tmp_path / "small.pack").stat().st_size <= 0.125e6
    assert count[0] >= 1 and count[1] >= 1


def test_scenes_are_packed_at_the_size_that_is_asked_for(packed_file, tmp_path):
    root = packed_file.parent
    pack([root / "normal"], [root / "scenes"], tmp_path / "large.pack", 1000, lambda done, total: None, (360, 640))
    packed = unpack(tmp_path / "large.pack")
    assert packed.low.shape == packed.high.shape == (2, 360, 640, 3) and packed.depth.shape == (2, 90, 160)
    echo = Echo(packed, settings(packed_file, scenes_share=0.5, wide_share=0.5), torch.device("cpu"))
    assert {echo(step).low.shape[2:] for step in range(12)} > {(360, 640)}


def test_a_guide_needs_a_detector_and_a_weight(packed_file):
    with pytest.raises(ValidationError, match="people_weight"):
        settings(packed_file, people_weight=0.1)
    with pytest.raises(ValidationError, match="people_weight"):
        settings(packed_file, people="people.onnx")


def test_what_is_no_packed_file_is_an_error(tmp_path):
    (tmp_path / "x").write_bytes(b"no")
    with pytest.raises(ConfigError, match="pack-data"):
        unpack(tmp_path / "x")


def test_unreadable_photographs_and_scenes_are_left_out_and_named(packed_file, tmp_path, capfd):
    shutil.copytree(packed_file.parent, tmp_path / "data")
    root = tmp_path / "data"
    (root / "normal" / "free" / "a.png").write_bytes(b"x")
    (root / "scenes" / "low" / "s0.png").write_bytes(b"x")
    assert pack([root / "normal"], [root / "scenes"], root / "data.pack", 1000, lambda done, total: None) == (1, 1)
    errors = capfd.readouterr().err
    assert "2 unreadable pictures left out: " in errors and "a.png" in errors and "s0.png" in errors


def test_a_photograph_with_a_faint_veil_becomes_clear(tmp_path):
    cv2.imwrite(str(tmp_path / "veiled.png"), (data.chelsea()[:, :, ::-1] * 0.75 + 45).astype(np.uint8))
    clear = usable_photograph(tmp_path / "veiled.png")
    assert clear is not None and np.percentile(clear, 0.5) < 0.06 * 255


def test_a_steps_pictures_depend_on_the_step_alone(packed_file):
    chosen, device = settings(packed_file), torch.device("cpu")
    going, fresh = Echo(unpack(packed_file), chosen, device), Echo(unpack(packed_file), chosen, device)
    found = [going(step) for step in range(9)][-1]
    again = fresh(8)
    assert torch.equal(found.low, again.low) and torch.equal(found.thumb, again.thumb)


def test_a_window_of_all_parameters_gives_what_the_whole_picture_gives(packed_file):
    sample = Echo(unpack(packed_file), settings(packed_file), torch.device("cpu"))(0)
    net = IspCnn(8, 8).eval()
    with torch.no_grad():
        for head in (net.fine.head, net.grid_head[-1]):
            torch.nn.init.normal_(head.weight, std=0.3, generator=torch.Generator().manual_seed(1))
        parameters = Parameters.from_raw(*net(sample.thumb))
        image = sample.low.float() / 255
        whole = enhance(image, parameters, block_statistics(image, 2))
        window = base_losses.Window(3 / 12, 4 / 16)
        seen = window.crop(image)
        ours = enhance(seen, window.parameters(parameters), block_statistics(seen, 2))
    inner = (slice(None), slice(None), slice(16, -16), slice(16, -16))
    assert (ours - window.crop(whole))[inner].abs().mean() < 2 / 255


@pytest.mark.system
@pytest.mark.slow  # 20 s; the other stages do the same
def test_training_stops_resumes_and_gives_the_same_bits(packed_file, tmp_path):
    run = CliRunner()
    words = ["base", "--data", str(packed_file), "--steps", "4", *(f"--set={k}={v}" for k, v in TINY.items())]
    assert run.invoke(app, [*words, "--out", str(tmp_path / "whole")]).exit_code == 0
    first = [word if word != "4" else "2" for word in words]
    assert run.invoke(app, [*first, "--out", str(tmp_path / "parts"), "--set", "final_rate=0.002"]).exit_code == 0
    again = run.invoke(app, ["base", "--resume", "--out", str(tmp_path / "parts"), "--steps", "4"])
    assert again.exit_code == 0, again.output
    checkpoint = load_checkpoint(tmp_path / "parts" / CHECKPOINT)
    assert checkpoint.facts["step"] == 4
    net, facts = load_net(tmp_path / "whole" / "ispcnn.safetensors")
    assert (net.width, net.detail) == (8, 8)
    assert facts["photographs"] == {"free": 2, "simulated": 2}
    log = [json.loads(line) for line in (tmp_path / "whole" / "log.jsonl").read_text().splitlines()]
    assert {"loss", "gradient_norm", "loss_window_vif", "steps_per_s"} <= log[0].keys()


@pytest.mark.system
def test_real_frames_join_the_loss_and_are_named_for_credits(packed_file, tmp_path):
    frames = tmp_path / "low" / "underground"
    frames.mkdir(parents=True)
    cv2.imwrite(str(frames / "dark.png"), data.coffee()[:, :, ::-1] // 8)
    words = [
        "base",
        "--data",
        str(packed_file),
        "--out",
        str(tmp_path / "run"),
        "--steps",
        "1",
        "--set",
        f"real={frames.parent}",
    ]
    result = CliRunner().invoke(app, [*words, *(f"--set={name}={value}" for name, value in TINY.items())])
    assert result.exit_code == 0, result.output
    logged = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert {"loss_real_lift", "loss_real_purple", "loss_real_bands"} <= set(logged)
    assert "low/underground/dark.png" in json.loads((tmp_path / "run" / "data.json").read_text())["names"]
    facts = load_net(tmp_path / "run" / "ispcnn.safetensors")[1]
    assert str(tmp_path) not in json.dumps(facts)


@pytest.mark.system
@pytest.mark.slow  # 15 s; stage 0 does the same
def test_forty_steps_lower_the_loss(packed_file, tmp_path):
    chosen = settings(packed_file, steps=40, width=16, learning_rate=0.004)
    run = begin_from(IspCnn(16, 8), chosen, "", 40)
    echo, reported = Echo(unpack(packed_file), chosen, torch.device("cpu")), []
    outputs = Outputs(tmp_path, {"photographs": {}}, lambda *x: reported.append(x[2]))
    base.train(run, echo, None, None, Device.of(chosen), [], outputs, lambda: False)
    losses = [values["loss"] for values in reported]
    assert sum(losses[-10:]) < sum(losses[:10]) - 1


def test_half_precision_trains_too(packed_file):
    chosen = settings(packed_file, precision="bfloat16")
    sample = Echo(unpack(packed_file), chosen, torch.device("cpu"))(0)
    net = IspCnn(8, 8)
    terms, _ = base.losses_of(net, sample, 0, chosen, Device.of(chosen))
    torch.stack(list(terms.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


def test_a_guide_adds_its_loss_on_a_picture_of_the_batch(packed_file):
    chosen = settings(packed_file, people=shipped_path(), people_weight=0.5)
    sample = Echo(unpack(packed_file), chosen, torch.device("cpu"))(0)
    guide = PeopleGuide.load(shipped_path(), torch.device("cpu"))
    terms, _ = base.losses_of(IspCnn(8, 8), sample, 0, chosen, Device.of(chosen), guide)
    assert terms["people"] > 0 and terms["people"].requires_grad


@pytest.mark.system
def test_a_run_says_what_it_was_trained_on_and_credits_it(packed_file, tmp_path):
    out = tmp_path / "run"
    words = [
        "base",
        "--data",
        str(packed_file),
        "--steps",
        "1",
        "--out",
        str(out),
        *(f"--set={k}={v}" for k, v in TINY.items()),
    ]
    assert CliRunner().invoke(app, words).exit_code == 0
    manifest = tmp_path / "manifest.csv"
    with manifest.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "source", "licence", "author"])
        rows.writerow(["train/normal/free/a.png", "skimage", "CC0", "Stéfan van der Walt"])
        rows.writerow(["train/normal/free/b.png", "skimage", "CC0", ""])
    result = CliRunner().invoke(app, ["credits", str(out), "--manifest", str(manifest), "--out", str(tmp_path / "C.md")])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "C.md").read_text()
    assert "Stéfan van der Walt (skimage" in page and "author not stated" in page and "## CC0" in page


def test_a_photograph_that_the_manifest_does_not_know_is_an_error(tmp_path):
    (tmp_path / "m.csv").write_text("file,source,licence,author\n")
    with pytest.raises(ConfigError, match=r"does not list normal/free/a\.png"):
        write_credits(tmp_path / "m.csv", ["normal/free/a.png"], tmp_path / "C.md")


@pytest.mark.parametrize("name", ["quick", "shipped", "gpu"])
def test_presets_are_settings_of_base_training(name, packed_file):
    assert BaseSettings(**preset(name), data=packed_file)


def test_an_unknown_preset_names_the_known_ones():
    with pytest.raises(ConfigError, match="gpu, quick, shipped"):
        preset("slow")


@pytest.mark.system
@pytest.mark.slow  # 17 s
def test_the_gpu_script_trains_and_exports_small_files(packed_file, tmp_path):
    script = Path(__file__).parents[3] / "infra" / "train_gpu.sh"
    words = ["sh", str(script), str(packed_file), str(tmp_path / "run"), "steps=1", "batch=2", "width=8", "detail=8"]
    environment = {**os.environ, "PYTHON": sys.executable}
    ended = subprocess.run([*words, "device=cpu"], env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 0, ended.stderr
    found = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"ispcnn.onnx", "ispcnn.safetensors", "checkpoint.safetensors", "log.jsonl"} <= found
    assert sum(path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file()) < 16e6
