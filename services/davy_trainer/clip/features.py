"""Pooled features of the frozen image tower for every rendered picture, cached, so that the alignment takes minutes."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from davy.imaging.clip.lite0 import IMAGE_SIZE, MEAN, STD, StagedImageTower
from davy.imaging.clip.tower import Preprocessing, prepare
from davy.imaging.lowlight.exposure import FloatImage
from davy_trainer.clip.pictures import LONG_SIDE, RENDER, crop, read, resize_to

KINDS = tuple(RENDER)
LITE0 = Preprocessing((IMAGE_SIZE, IMAGE_SIZE), MEAN, STD)
FORMAT = "2"  # increases when the same arguments give other features


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """N pictures: pooled features (N, F), kind (N,) as index into KINDS, and the tower's own ImageNet logits (N, 1000).

    The logits are those of the well-lit crop in every light, because the content is the same.
    """

    pooled: Tensor
    kind: Tensor
    logits: Tensor
    seconds: float  # time of rendering and embedding


def extract(tower: StagedImageTower, paths: Sequence[Path], crops: int, seed: int, tick: Callable[[], None]) -> FeatureSet:
    """Render every photograph in every light and compute its features with the frozen tower.

    Args:
        tower: Its trunk still has the ImageNet classifier.
        crops: Random crops per photograph; 0 takes the complete picture.
        tick: Called after each photograph.
    """
    started = time.monotonic()
    pooled: list[Tensor] = []
    kinds: list[int] = []
    logits: list[Tensor] = []
    for index, path in enumerate(paths):
        rng = np.random.default_rng((seed, index))
        image = read(path)
        views = [crop(image, rng) for _ in range(crops)] if crops else [resize_to(image, LONG_SIDE)]
        for view in views:
            batch = torch.cat([as_batch(view)] + [as_batch(render(view, rng)) for render in RENDER.values()])
            with torch.no_grad():
                features = tower.pooled(prepare(batch, LITE0))
                logits.append(tower.trunk.classifier(features[:1, -tower.trunk.num_features :]).expand(len(KINDS), -1))
            pooled.append(features[1:])
            kinds.extend(range(len(KINDS)))
        tick()
    return FeatureSet(torch.cat(pooled), torch.tensor(kinds), torch.cat(logits), time.monotonic() - started)


def extract_cached(
    cache: Path, tower: StagedImageTower, paths: Sequence[Path], crops: int, seed: int, tick: Callable[[], None]
) -> FeatureSet:
    """Return the features of extract, cached in a file for the same photographs, crops and seed."""
    names = [f"{path.parent.name}/{path.name}" for path in paths]
    key = hashlib.sha256(json.dumps([FORMAT, names, crops, seed, KINDS]).encode()).hexdigest()
    if cache.exists() and (cached := _read_cache(cache, key)) is not None:
        return cached
    features = extract(tower, paths, crops, seed, tick)
    cache.parent.mkdir(parents=True, exist_ok=True)
    partial = cache.with_suffix(".partial")
    tensors = {"pooled": features.pooled.half(), "kind": features.kind, "logits": features.logits.half().contiguous()}
    save_file(tensors, partial, {"key": key, "seconds": str(features.seconds)})
    partial.replace(cache)
    return features


def _read_cache(cache: Path, key: str) -> FeatureSet | None:
    """Return the cached features, or None if they belong to other arguments or are incomplete."""
    try:
        with safe_open(cache, "pt") as stored:
            metadata = stored.metadata() or {}
            if metadata.get("key") != key:
                return None
            pooled, logits = stored.get_tensor("pooled").float(), stored.get_tensor("logits").float()
            return FeatureSet(pooled, stored.get_tensor("kind"), logits, float(metadata["seconds"]))
    except SafetensorError:
        return None


def as_batch(image: FloatImage) -> Tensor:
    """Convert (H, W, 3) to (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
