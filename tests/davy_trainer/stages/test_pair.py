"""Stage 1 in small: pictures of two brightnesses, the shipped CLIP or a randomly initialised one."""

import json

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from davy.imaging.clip import LOW, NORMAL, load_clip, load_prompts
from davy_trainer.runs.prompt_run import CHECKPOINT, PROMPTS, REPORT
from davy_trainer.stages.pair import new_pair, train
from davy_trainer.stages.settings import PairSettings

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def clip():
    torch.set_num_threads(1)
    return load_clip("davy")


@pytest.fixture(scope="module")
def unpaired(tmp_path_factory):
    """normal/ with six parts of photographs, low/ with six others, darkened."""
    root = tmp_path_factory.mktemp("unpaired")
    for kind, picture, gain in (("normal", data.coffee(), 1.0), ("low", data.astronaut(), 0.12)):
        (root / kind).mkdir()
        for index in range(6):
            part = picture[(index % 3) * 100 : (index % 3) * 100 + 200, (index // 3) * 200 : (index // 3) * 200 + 300]
            small = cv2.resize((part[:, :, ::-1] * gain).astype(np.uint8), (96, 64), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(root / kind / f"{index}.png"), small)
    return root


def settings(unpaired, **changes):
    words = {"low": (unpaired / "low",), "normal": (unpaired / "normal",), "steps": 8, "batch": 8, "tokens": 4, "views": 1}
    return PairSettings.model_validate(words | {"checkpoint_every": 3, "log_every": 4, **changes})


def go(chosen, clip, out, resuming=False, stop_at=None):
    out.mkdir(exist_ok=True)
    steps = []

    def report(step, total, values):
        steps.append(step)

    train(chosen, clip, out, resuming, lambda: None, report, lambda: bool(steps) and steps[-1] == stop_at)
    return steps


def test_prompts_separate_held_out_dark_pictures_from_normal_ones(unpaired, clip, tmp_path):
    go(settings(unpaired, steps=30), clip, tmp_path / "run")
    report = json.loads((tmp_path / "run" / REPORT).read_text())
    assert report["held_out_accuracy"] == 1.0 and report["pictures"] == {"normal": [5, 1], "low": [5, 1]}


def test_stopped_and_resumed_gives_the_same_bits_as_undisturbed(unpaired, clip, tmp_path):
    chosen = settings(unpaired)
    go(chosen, clip, tmp_path / "whole")
    go(chosen, clip, tmp_path / "parts", stop_at=5)
    assert not (tmp_path / "parts" / PROMPTS).exists()
    assert go(chosen, clip, tmp_path / "parts", resuming=True) == [6, 7, 8]
    whole, parts = (load_prompts(tmp_path / run / PROMPTS, clip).context for run in ("whole", "parts"))
    assert torch.equal(whole, parts)
    assert (tmp_path / "whole" / CHECKPOINT).read_bytes() == (tmp_path / "parts" / CHECKPOINT).read_bytes()


def test_fixed_texts_are_the_texts_themselves(unpaired, clip):
    chosen = settings(unpaired, labels="fixed", texts=("a well-lit photo", "darkness"))
    with torch.no_grad():
        pair = new_pair(clip, chosen)()
    assert torch.allclose(pair[NORMAL], clip.encode_text(["a well-lit photo"])[0], atol=1e-5)
    assert torch.allclose(pair[LOW], clip.encode_text(["darkness"])[0], atol=1e-5)


@pytest.mark.parametrize("labels", ["exposure", "meaning"])
def test_other_labels_change_the_training_pictures_and_not_the_unchanged_held_out_ones(unpaired, clip, tmp_path, labels):
    go(settings(unpaired, steps=1), clip, tmp_path / "light")
    go(settings(unpaired, steps=1, labels=labels), clip, tmp_path / labels)
    from davy.imaging.nets.checkpoint import load_tensors

    light, other = (load_tensors(tmp_path / run / "embeddings.safetensors")[0] for run in ("light", labels))
    assert not torch.allclose(light["train.normal"], other["train.normal"], atol=1e-3)
    assert torch.equal(light["held_out_unchanged.normal"], other["held_out_unchanged.normal"])
    assert torch.equal(light["train.low"], other["train.low"]) == (labels == "exposure")
