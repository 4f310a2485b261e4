"""The setting that chooses a CLIP: own, architecture and checkpoint, folder, tag; never a hub."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.clip import PromptPair, load_clip
from davy.imaging.clip.operators import open_clip

pytestmark = pytest.mark.system

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an open_clip model of a few weights: its configuration, and its checkpoint."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "tiny-clip.json").write_text(json.dumps(TINY))
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY, "preprocess_cfg": {"mean": [0.4] * 3}}))
    open_clip().add_model_config(folder / "tiny-clip.json")
    torch.manual_seed(5)
    model = open_clip().create_model("tiny-clip")
    save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    torch.save(model.state_dict(), folder / "weights.pt")
    return folder


def test_an_architecture_and_a_local_checkpoint_load_by_path(tiny: Path):
    by_safetensors = load_clip(f"tiny-clip:{tiny}/open_clip_model.safetensors")
    by_torch = load_clip(f"tiny-clip:{tiny}/weights.pt")
    image = torch.rand(1, 3, 50, 70)
    assert by_safetensors.preprocessing.size == (64, 64)
    assert torch.equal(by_safetensors.encode_image(image), by_torch.encode_image(image))
    assert float(by_torch.encode_text(["a dark photo"]).norm()) == pytest.approx(1, abs=1e-5)


def test_a_local_folder_brings_its_own_normalisation(tiny: Path):
    clip = load_clip(str(tiny))
    assert clip.preprocessing.mean == (0.4, 0.4, 0.4)
    assert clip.encode_text(["x"]).shape == (1, 32)


def test_a_transformer_gives_feature_maps_and_takes_learnable_prompts(tiny: Path):
    clip = load_clip(f"tiny-clip:{tiny}/weights.pt")
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    seen = clip.image_features(image, layers=[1])
    assert tuple(seen.maps[0].shape) == (1, 64, 4, 4)
    pair = PromptPair(clip)
    (seen.embedding @ pair().T).sum().backward()
    assert image.grad is not None
    assert pair.context.grad is not None
    assert torch.allclose(
        clip.encode_embeddings(clip.embed_tokens(ids := clip.tokenize(["a cat"])), ids), clip.encode_text(["a cat"]), atol=1e-5
    )


def test_a_tag_without_weights_says_how_to_give_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("davy.imaging.clip.load.CLIP_CACHE", tmp_path)
    with pytest.raises(ModelError, match=r"never asks a hub: fetch .* give the file as ViT-B-32:/path") as caught:
        load_clip("ViT-B-32:laion2b_s34b_b79k")
    assert "laion/CLIP-ViT-B-32" in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("ViT-B-23:openai", "no open_clip architecture 'ViT-B-23'; write 'davy', or one such as ViT-B-32"),
        ("ViT-B-32", "names no weights: write ViT-B-32:TAG"),
        ("ViT-B-32:nothing", "has no tag 'nothing' .it has: openai"),
        ("davy:random:x", "the seed is an integer"),
    ],
)
def test_a_setting_that_names_nothing_says_what_to_write(setting: str, says: str):
    with pytest.raises(ConfigError, match=says):
        load_clip(setting)


def test_a_checkpoint_alone_asks_for_its_architecture(tiny: Path):
    with pytest.raises(ConfigError, match="name the checkpoint"):
        load_clip(f"{tiny}/weights.pt")


def test_an_absent_a_foreign_and_an_ill_fitting_checkpoint_are_clear_errors(tiny: Path, tmp_path: Path):
    with pytest.raises(ModelError, match="there is no checkpoint file"):
        load_clip(f"tiny-clip:{tmp_path}/absent.pt")
    (tmp_path / "junk.pt").write_bytes(b"junk")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_clip(f"tiny-clip:{tmp_path}/junk.pt")
    save_file({"visual.proj": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_clip(f"tiny-clip:{tmp_path}/other.safetensors")


def test_importing_davy_clip_imports_no_model_library():
    heavy = "{'open_clip', 'timm', 'torchvision', 'huggingface_hub', 'cv2'}"
    code = f"import sys, davy.imaging.clip; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
