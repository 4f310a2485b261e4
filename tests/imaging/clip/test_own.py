"""Davy's own CLIP as it is shipped: small, and it tells the lights of pictures that it never saw."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from davy.domain.errors import ModelError
from davy.imaging.clip import Clip, load_clip
from davy.imaging.clip.own import SHIPPED
from davy.imaging.clip.own import random_clip as made_again
from davy.imaging.lowlight import darken, relight_as_mine

pytestmark = pytest.mark.system

PICTURES = ("astronaut", "coffee", "chelsea", "rocket")  # come with scikit-image; no training saw them


@pytest.fixture(scope="module")
def rendered() -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(11)
    photographs = [np.asarray(getattr(data, name)(), np.float32)[:384, :384] / np.float32(255) for name in PICTURES]
    lights = {"normal": photographs, "low": [], "uneven": []}
    for photograph in photographs:
        lights["low"] += [darken(photograph, rng) for _ in range(2)]
        lights["uneven"] += [relight_as_mine(photograph, rng) for _ in range(2)]
    small = {}
    for light, images in lights.items():
        tensors = [torch.from_numpy(image.transpose(2, 0, 1).copy())[None] for image in images]
        small[light] = torch.cat([torch.nn.functional.interpolate(x, (224, 224), mode="area") for x in tensors])
    return small


def test_the_shipped_file_is_a_few_megabytes():
    assert SHIPPED.stat().st_size < 4_000_000
    assert (SHIPPED.parent / "MODEL_CARD.md").exists()


def test_rendered_dark_normal_and_uneven_pictures_are_told_apart(davy_clip: Clip, rendered: dict[str, torch.Tensor]):
    prompts = davy_clip.encode_text(["a well-lit photo", "a low-light photo", "an unevenly lit photo"])
    hits = []
    for row, light in enumerate(("normal", "low", "uneven")):
        with torch.no_grad():
            hits += ((davy_clip.encode_image(rendered[light]) @ prompts.T).argmax(1) == row).tolist()
    assert sum(hits) / len(hits) >= 0.85  # 20 pictures


def test_content_is_named_in_good_light(davy_clip: Clip, rendered: dict[str, torch.Tensor]):
    names = ["a photo of an espresso", "a photo of a tabby cat", "a photo of a missile", "a photo of a bookcase"]
    coffee, cat = rendered["normal"][1:2], rendered["normal"][2:3]
    told = (davy_clip.encode_image(torch.cat([coffee, cat])) @ davy_clip.encode_text(names).T).argmax(1)
    assert told.tolist() == [0, 1]


def test_the_same_towers_with_random_weights_know_nothing_of_light(random_clip: Clip, rendered: dict[str, torch.Tensor]):
    prompts = random_clip.encode_text(["a well-lit photo", "a low-light photo"])
    with torch.no_grad():
        told = torch.stack(
            [(random_clip.encode_image(rendered[light]) @ prompts.T).argmax(1)[:4] for light in ("normal", "low")]
        )
    assert int((told == torch.tensor([[0], [1]])).sum()) < 8
    assert torch.equal(prompts, made_again(1).encode_text(["a well-lit photo", "a low-light photo"]))


def test_whoever_asks_for_the_same_towers_shares_them():
    assert load_clip("davy:random:1") is load_clip("davy:random:1") is not load_clip("davy")


def test_a_file_that_is_no_davy_clip_is_refused(tmp_path: Path):
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="is no davy-clip-lite0 file"):
        load_clip(f"davy:{tmp_path}/x.safetensors")
    with pytest.raises(ModelError, match="cannot be read"):
        load_clip(f"davy:{tmp_path}/absent.safetensors")
