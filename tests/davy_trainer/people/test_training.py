import json

import numpy as np
import pytest
import torch

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.detect import DetectorSpec, OnnxDetector
from davy.imaging.nets.checkpoint import save_tensors
from davy.imaging.runtime import StillEnhancer
from davy_simulator.people_cli import write_people
from davy_trainer.people.data import draw_mine, read_folder
from davy_trainer.people.export import export
from davy_trainer.people.net import NanoDet
from davy_trainer.people.training import CHECKPOINT, LOG, WEIGHTS, PeopleSettings, load_people_net, train


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    write_people(folder / "mine", "100-100", 1, 13.0, "320x180", StillEnhancer())
    torch.manual_seed(0)
    save_tensors(folder / "base.safetensors", dict(NanoDet().state_dict()), {})
    return folder


def settings(folder, **more):
    small = {"mine_batch": 1, "photograph_batch": 1, "log_every": 1, "checkpoint_every": 1}
    plain = {"base": folder / "base.safetensors", "mine": (folder / "mine",), "photographs": (folder / "mine" / "even",)}
    return PeopleSettings(**plain | small | more)


def test_a_drawn_picture_keeps_its_boxes_inside(prepared):
    files = read_folder(prepared / "mine")
    for seed in range(20):
        example = draw_mine(files, np.random.default_rng(seed))
        assert example.image.shape == (256, 416, 3)
        for boxes in (example.boxes, example.ignored):
            assert (boxes[:, 2:] >= boxes[:, :2]).all() and (boxes >= 0).all() and (boxes <= 416).all()


@pytest.mark.system
def test_a_stopped_run_resumes_and_ends_with_weights(prepared, tmp_path):
    asked = iter([False, True])
    assert not train(settings(prepared, steps=2), tmp_path, lambda: next(asked), lambda text: None)
    assert not (tmp_path / WEIGHTS).exists() and (tmp_path / CHECKPOINT).exists()
    assert train(settings(prepared, steps=2), tmp_path, lambda: False, lambda text: None)
    assert [json.loads(line)["step"] for line in (tmp_path / LOG).read_text().splitlines()] == [1, 2]
    moved = (
        load_people_net(tmp_path / WEIGHTS).stem.conv.weight - load_people_net(prepared / "base.safetensors").stem.conv.weight
    )
    assert float(moved.detach().abs().max()) > 0


@pytest.mark.system
@pytest.mark.slow  # 25 s of torch's exporter
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # of torch's own exporter
def test_the_exported_file_is_below_8_mb_and_takes_pictures_of_several_sizes(prepared, tmp_path):
    assert export(load_people_net(prepared / "base.safetensors"), tmp_path / "p.onnx") < 0.02
    assert (tmp_path / "p.onnx").stat().st_size < 8_000_000
    spec = DetectorSpec(head="nanodet", classes=tuple(f"c{k}" for k in range(80)), side=416)
    for shape in ((234, 416, 3), (416, 416, 3), (300, 100, 3)):
        OnnxDetector(tmp_path / "p.onnx", spec).detect(np.zeros(shape, np.uint8))


def test_a_folder_without_annotations_and_other_weights_are_named(prepared, tmp_path):
    with pytest.raises(ConfigError, match=r"annotations\.json"):
        read_folder(tmp_path)
    save_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(ModelError, match="NanoDet"):
        load_people_net(tmp_path / "other.safetensors")
