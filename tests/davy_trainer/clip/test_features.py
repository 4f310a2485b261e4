"""Features of the frozen tower, computed once."""

from pathlib import Path

import pytest
import torch
from skimage import data, io

from davy.imaging.clip import Clip
from davy.imaging.clip.own import image_tower
from davy_trainer.clip.features import KINDS, extract_cached


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    io.imsave(tmp_path / "coffee.png", data.coffee()[::4, ::4], check_contrast=False)
    return tmp_path / "coffee.png"


def test_every_light_of_a_crop_shares_the_label_and_a_second_call_reads_the_file(davy_clip: Clip, photo: Path, tmp_path: Path):
    ticks: list[None] = []

    def features(seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        found = extract_cached(
            tmp_path / "f.safetensors", image_tower(davy_clip.model), [photo], 1, seed, lambda: ticks.append(None)
        )
        return found.pooled, found.kind, found.logits

    pooled, kind, logits = features(seed=1)
    assert kind.tolist() == list(range(len(KINDS)))
    assert torch.equal(logits[0], logits[1])
    again, _, _ = features(seed=1)
    assert len(ticks) == 1
    assert torch.allclose(again, pooled, atol=2e-3, rtol=2e-3)  # kept as half floats
    features(seed=2)  # another rendering: the cache does not apply
    assert len(ticks) == 2


def test_a_cache_that_was_cut_short_is_computed_again(davy_clip: Clip, photo: Path, tmp_path: Path):
    (tmp_path / "f.safetensors").write_bytes(b"cut")
    found = extract_cached(tmp_path / "f.safetensors", image_tower(davy_clip.model), [photo], 1, 1, lambda: None)
    assert found.pooled.shape[0] == len(KINDS)
