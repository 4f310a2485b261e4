"""`davy train clip build` and `evaluate` from end to end on a handful of pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
from skimage import data, io
from typer.testing import CliRunner

from davy.imaging.clip import load_clip
from davy_trainer.cli.clip import clip_app
from davy_trainer.clip.features import KINDS

NAMES = ("p1", "p2", "p3")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("x") / "photos0"  # p2 of photos0 is held out
    folder.mkdir()
    for index, name in enumerate(NAMES):
        io.imsave(folder / f"{name}__0.png", np.roll(data.coffee()[::4, ::4], index * 10, axis=1), check_contrast=False)
    return folder


@pytest.mark.system
def test_a_build_leaves_weights_a_card_and_figures(photos: Path, tmp_path: Path):
    words = ["build", "--data", str(photos), "--out", str(tmp_path), "--crops", "1", "--steps", "1"]
    done = CliRunner().invoke(clip_app, words)
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "evaluation.json").read_text())
    assert set(figures["confusion"]) == set(KINDS)
    assert "It is not OpenAI's CLIP" in (tmp_path / "MODEL_CARD.md").read_text()
    assert load_clip(f"davy:{tmp_path}/davy-clip-lite0.safetensors").encode_text(["a dark photo"]).shape == (1, 256)


def test_errors_go_to_the_person_and_not_as_a_traceback(tmp_path: Path):
    done = CliRunner().invoke(clip_app, ["evaluate", "--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "holds no picture" in done.output
