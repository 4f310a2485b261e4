"""Embeddings of pictures by the frozen image tower, cached on disk, so that prompts train in seconds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from davy.domain.errors import ModelError
from davy.domain.frame import BgrImage
from davy.imaging.clip import Clip
from davy.imaging.nets.checkpoint import Tensors, load_tensors, save_tensors
from davy_trainer.evaluation.validation import to_tensor
from davy_trainer.objectives.patches import WHOLE, Box, resize_views

BATCH = 8  # views per pass of the tower: more costs memory and saves no time


def embed_views(clip: Clip, views: Iterator[BgrImage]) -> Tensor:
    """Return unit vectors of pictures or crops, BGR bytes of any size: shape (N, D), on the CPU."""
    size = clip.preprocessing.size
    found = []
    while chunk := list(islice(views, BATCH)):
        squares = torch.cat([resize_views(to_tensor(view).to(clip.device), [(0, WHOLE)], size) for view in chunk])
        with torch.no_grad():
            found.append(clip.encode_image(squares).float().cpu())
    return torch.cat(found)


def load_or_compute(path: Path, facts: Mapping[str, Any], compute: Callable[[], Tensors]) -> Tensors:
    """Load the tensors in path if they belong to the same facts (JSON values), else compute and write them."""
    if path.is_file():
        try:
            tensors, stored = load_tensors(path)
        except ModelError:  # of another version; it is only a cache
            stored = {}
        if stored == facts:
            return tensors
    tensors = compute()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, tensors, facts)
    return tensors


def random_box(min_side: float, rng: np.random.Generator) -> Box:
    """Draw a box whose sides are at least `min_side` of the picture's."""
    height, width = rng.uniform(min_side, 1, 2)
    return Box(float(rng.uniform(0, 1 - height)), float(rng.uniform(0, 1 - width)), float(height), float(width))


def mirrored(image: BgrImage) -> BgrImage:
    return image[:, ::-1]


def tick_each(paths: Sequence[Path], tick: Callable[[], None]) -> Iterator[tuple[int, Path]]:
    """Enumerate paths, and call tick after each."""
    for index, path in enumerate(paths):
        yield index, path
        tick()
