"""One setting chooses the CLIP; no hub is ever asked.

davy                              Davy's own small CLIP, shipped with this package
davy:/models/mine.safetensors     the same from another `davy train clip build`
davy:random:7                     its towers with random weights of seed 7, for an ablation
ViT-B-32-quickgelu:/models/b.pt   an open_clip architecture and a local checkpoint (safetensors, or torch weights)
ViT-B-32:laion2b_s34b_b79k        an open_clip name and tag whose weights already lie in this machine's cache
/models/checkout                  a folder with open_clip_config.json and its weights
"""

from __future__ import annotations

import difflib
import importlib
import pickle
import struct
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.clip import own
from davy.imaging.clip.operators import open_clip
from davy.imaging.clip.tower import Clip, Preprocessing

# What open_clip and torch's unpickler raise for files that are absent, cut short or of another model.
FOREIGN = (
    RuntimeError, OSError, ValueError, KeyError, TypeError, AttributeError, ImportError, EOFError,
    SafetensorError, pickle.UnpicklingError, struct.error,
)  # fmt: skip
CLIP_CACHE = Path("~/.cache/clip")  # where open_clip leaves weights that no hub holds


def load_clip(setting: str = "davy", device: torch.device | str = "cpu") -> Clip:
    """The CLIP that a setting names (the forms stand at the top of this module), frozen, on device.

    Raises:
        ConfigError: the setting names nothing that exists.
        ModelError: the weights are not on this machine, or cannot be used.
    """
    name, _, weights = setting.partition(":")
    if name == "davy":
        return _load_own(setting, weights, torch.device(device))
    if Path(setting).is_dir():
        return _create(setting, f"local-dir:{setting}", {}).to(device)
    if Path(setting).is_file():
        raise ConfigError(f"CLIP {setting!r}: name the checkpoint's architecture, as in ViT-B-32:{setting}")
    _check_name(setting, name)
    if not weights:
        raise ConfigError(f"CLIP {setting!r} names no weights: write {name}:TAG or {name}:/path/of/a/checkpoint")
    if "/" in weights or Path(weights).exists():
        return _create(setting, name, {"pretrained": str(_existing(setting, weights))}).to(device)
    return _create(setting, name, _cached_tag(setting, name, weights)).to(device)


def _load_own(setting: str, weights: str, device: torch.device) -> Clip:
    word, _, seed = weights.partition(":")
    if weights and word != "random":
        return own.load(Path(weights)).to(device)
    if not (seed or "0").isdecimal():
        raise ConfigError(f"CLIP {setting!r}: the seed is an integer, as in davy:random:7")
    return _shared(int(seed or 0) if weights else None, device)


@lru_cache(maxsize=2)
def _shared(seed: int | None, device: torch.device) -> Clip:
    """The shipped CLIP, or a random one. Its weights never move, so all who ask for the same one share it."""
    return (own.load() if seed is None else own.random_clip(seed)).to(device)


def _check_name(setting: str, name: str) -> None:
    known: Sequence[str] = open_clip().list_models()
    if name not in known:
        near = difflib.get_close_matches(name, known, 3) or ["ViT-B-32", "RN50"]
        raise ConfigError(
            f"CLIP {setting!r}: no open_clip architecture {name!r}; write 'davy', or one such as {', '.join(near)}"
        )


def _existing(setting: str, weights: str) -> Path:
    path = Path(weights).expanduser()
    if not path.is_file():
        raise ModelError(setting, f"there is no checkpoint file {path}")
    return path


def _cached_tag(setting: str, name: str, tag: str) -> dict[str, Any]:
    """How to create a tagged model from this machine's cache: its file, its normalisation, its activation."""
    package = open_clip()
    config = package.get_pretrained_cfg(name, tag)
    if not config:
        tags = ", ".join(package.list_pretrained_tags_by_model(name)) or "none"
        raise ConfigError(f"CLIP {setting!r}: {name} has no tag {tag!r} (it has: {tags}) and no such file exists")
    path = _cached_file(config)
    if path is None:
        raise ModelError(
            setting,
            f"its weights are not on this machine, and Davy never asks a hub: fetch {_origin(config)} elsewhere, "
            f"and give the file as {name}:/path/of/the/file; or use 'davy', which needs none",
        )
    statistics = {key: config[key] for key in ("mean", "std") if config.get(key) is not None}
    return {
        "pretrained": str(path),
        "force_preprocess_cfg": statistics,
        "force_quick_gelu": bool(config.get("quick_gelu", False)),
    }


def _cached_file(config: dict[str, Any]) -> Path | None:
    if url := config.get("url"):
        plain = CLIP_CACHE.expanduser() / Path(url).name
        if plain.is_file():
            return plain
    if not (place := config.get("hf_hub")):
        return None
    repository, _, file = place.rpartition("/")
    hub = importlib.import_module("huggingface_hub")
    stem = file.rsplit(".", 1)[0] if file else "open_clip_pytorch_model"
    for candidate in (f"{stem}.safetensors", "open_clip_model.safetensors", f"{stem}.bin", file):
        if candidate and isinstance(found := hub.try_to_load_from_cache(repository, candidate), str):
            return Path(found)
    return None


def _origin(config: dict[str, Any]) -> str:
    return str(config.get("url") or f"huggingface.co/{config.get('hf_hub', '').rstrip('/')}")


def _create(setting: str, name: str, arguments: dict[str, Any]) -> Clip:
    package = open_clip()
    try:
        model = package.create_model(name, pretrained_text=False, require_pretrained=True, **arguments)
        tokenizer = package.get_tokenizer(name)
    except FOREIGN as error:
        raise ModelError(
            setting, f"it cannot be loaded ({error}): give a local checkpoint of this architecture as {name}:/path/of/a/file"
        ) from error
    config = package.get_model_preprocess_cfg(model)
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else size
    return Clip(setting, model, tokenizer, Preprocessing((height, width), tuple(config["mean"]), tuple(config["std"])))
