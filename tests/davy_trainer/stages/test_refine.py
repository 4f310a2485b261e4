"""Stage 3 in small."""

import json

import cv2
import numpy as np
import pytest
import torch
from skimage import data

from davy.domain.errors import ConfigError
from davy.imaging.clip import PromptPair, load_prompts
from davy.imaging.nets.checkpoint import save_net
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.runs.prompt_run import PROMPTS, REPORT
from davy_trainer.stages.refine import Classes, figures, ranking, train
from davy_trainer.stages.settings import RefineSettings

NORMAL_IMAGE, HALF_WAY, LOW_IMAGE = (torch.tensor([[c, s]]) for c, s in ((1.0, 0.0), (0.7071, 0.7071), (0.0, 1.0)))
PAIR, DARK = torch.eye(2), torch.tensor([1.0])


@pytest.fixture
def clip(random_clip):
    return random_clip


@pytest.fixture
def chosen(tmp_path, clip):
    for kind, picture, gain in (("normal", data.coffee(), 1.0), ("low", data.astronaut(), 0.12)):
        (tmp_path / kind).mkdir()
        for index in range(3):
            part = picture[index * 80 : index * 80 + 160, :240]
            small = cv2.resize((part[:, :, ::-1] * gain).astype(np.uint8), (96, 64), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(tmp_path / kind / f"{index}.png"), small)
    torch.manual_seed(0)
    for name in ("first", "second"):
        save_net(tmp_path / f"{name}.safetensors", IspCnn(8), {})
    PromptPair(clip).save(tmp_path / PROMPTS)
    words = {"low": (tmp_path / "low",), "normal": (tmp_path / "normal",), "prompts": tmp_path / PROMPTS, "patches": 1}
    words |= {"weights": (tmp_path / "first.safetensors", tmp_path / "second.safetensors"), "steps": 6, "batch": 4}
    return RefineSettings.model_validate(words | {"clip": "davy:random:1", "checkpoint_every": 2, "log_every": 2})


def go(chosen, clip, out, resuming=False, stop_at=None):
    out.mkdir(exist_ok=True)
    steps = []
    train(
        chosen, clip, out, resuming, lambda: None, lambda s, *_: steps.append(s), lambda: bool(steps) and steps[-1] == stop_at
    )
    return steps


def test_the_right_order_with_its_margins_costs_nothing(chosen):
    seen = Classes(LOW_IMAGE, [HALF_WAY], NORMAL_IMAGE, DARK)
    # at scale 4 the probabilities of normal are 0.018, 0.5 and 0.982
    assert ranking(PAIR, seen, 4.0, chosen).item() == 0


def test_swapped_ends_cost_both_margins_and_the_distance(chosen):
    seen = Classes(NORMAL_IMAGE, [HALF_WAY], LOW_IMAGE, DARK)
    wanted = (0.8 + 0.964) + (0.2 + 0.482) + (0.2 + 0.482)
    assert ranking(PAIR, seen, 4.0, chosen).item() == pytest.approx(wanted, abs=2e-3)


def test_an_earlier_round_above_the_newest_costs(chosen):
    right = Classes(LOW_IMAGE, [LOW_IMAGE + 0.3 * NORMAL_IMAGE, HALF_WAY], NORMAL_IMAGE, DARK)
    swapped = Classes(LOW_IMAGE, right.enhanced[::-1], NORMAL_IMAGE, DARK)
    assert ranking(PAIR, swapped, 4.0, chosen).item() > ranking(PAIR, right, 4.0, chosen).item() + 0.1


def test_figures_count_ranks_of_whole_pictures_and_of_patches():
    places = torch.stack([LOW_IMAGE[0], LOW_IMAGE[0]])[None]
    newest = torch.stack([HALF_WAY[0], LOW_IMAGE[0]])[None]  # the patch has gained nothing
    normal = torch.stack([NORMAL_IMAGE[0], NORMAL_IMAGE[0]])[None]
    found = figures(PAIR, Classes(places, [newest], normal, torch.ones(1, 2)), 4.0)
    assert (
        found["held_out_ranked_whole"] == 1.0 and found["held_out_ranked_patches"] == 0.0 and found["held_out_accuracy"] == 1.0
    )


@pytest.mark.system
def test_stopped_and_resumed_gives_the_same_bits_as_undisturbed(chosen, clip, tmp_path):
    go(chosen, clip, tmp_path / "whole")
    go(chosen, clip, tmp_path / "parts", stop_at=3)
    assert go(chosen, clip, tmp_path / "parts", resuming=True) == [4, 5, 6]
    whole, parts = (load_prompts(tmp_path / run / PROMPTS, clip).context for run in ("whole", "parts"))
    assert torch.equal(whole, parts)
    report = json.loads((tmp_path / "whole" / REPORT).read_text())
    assert report["before"].keys() == report["after"].keys()


def test_other_weights_are_an_error_on_resuming(chosen, clip, tmp_path):
    go(chosen, clip, tmp_path / "run", stop_at=2)
    save_net(tmp_path / "second.safetensors", IspCnn(8), {})
    with pytest.raises(ConfigError, match="weights have changed"):
        go(chosen, clip, tmp_path / "run", resuming=True)
