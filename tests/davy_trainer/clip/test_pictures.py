"""Renderings of known light."""

from pathlib import Path

import numpy as np
import pytest
from skimage import data

from davy.domain.errors import ConfigError, UnreadableImageError
from davy_trainer.clip.pictures import RENDER, crop, is_held_out, photographs, read, shade

COFFEE = np.asarray(data.coffee(), np.float32)[:200, :300] / np.float32(255)


@pytest.mark.parametrize("kind", RENDER)
def test_every_light_keeps_shape_and_range_and_follows_the_seed(kind: str):
    once, again = (RENDER[kind](COFFEE, np.random.default_rng(5)) for _ in range(2))
    assert once.shape == COFFEE.shape
    assert once.dtype == np.float32
    assert 0 <= float(once.min()) <= float(once.max()) <= 1
    assert np.array_equal(once, again)


def test_a_shadow_falls_on_a_part_and_leaves_the_rest():
    shaded = shade(np.full((120, 160, 3), 0.5, np.float32), np.random.default_rng(2))
    assert float(np.quantile(shaded, 0.05)) < 0.2
    assert float(np.quantile(shaded, 0.95)) > 0.45


def test_a_crop_is_a_third_to_all_of_each_side():
    parts = [crop(COFFEE, np.random.default_rng(seed)) for seed in range(20)]
    assert all(66 <= part.shape[0] <= 200 for part in parts)
    assert min(part.shape[0] for part in parts) < 110


def test_all_frames_of_one_run_stand_on_the_same_side_of_the_split():
    runs = {
        name: {is_held_out(Path(f"subt/{name}__{name}_k2w_{n:03}.jpg")) for n in range(20)}
        for name in ("drill", "rope", "vent")
    }
    assert all(len(sides) == 1 for sides in runs.values())
    share = np.mean([is_held_out(Path(f"bsds/{n}.jpg")) for n in range(2000)])
    assert 0.17 < share < 0.23


def test_an_empty_folder_and_a_broken_picture_are_clear_errors(tmp_path: Path):
    with pytest.raises(ConfigError, match="holds no picture"):
        photographs(tmp_path)
    (tmp_path / "x.jpg").write_bytes(b"no")
    with pytest.raises(UnreadableImageError, match="is not a JPEG or PNG"):
        read(tmp_path / "x.jpg")
