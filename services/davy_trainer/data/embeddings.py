"""What the frozen image tower sees of pictures, once: embeddings are kept on disk, so prompts train in seconds."""

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
from davy_trainer.objectives.patches import WHOLE, Box, look_at

AT_ONCE = 8  # views that pass the tower together: more costs memory and saves no time


def embed_views(clip: Clip, views: Iterator[BgrImage]) -> Tensor:
    """Return unit vectors of pictures or parts of them, BGR bytes of any size: shape (N, D), on the CPU."""
    size = clip.preprocessing.size
    found = []
    while some := list(islice(views, AT_ONCE)):
        squares = torch.cat([look_at(to_tensor(view).to(clip.device), [(0, WHOLE)], size) for view in some])
        with torch.no_grad():
            found.append(clip.encode_image(squares).float().cpu())
    return torch.cat(found)


def kept(path: Path, facts: Mapping[str, Any], make: Callable[[], Tensors]) -> Tensors:
    """The tensors in path where it was made for the same facts (JSON values); made and written otherwise."""
    if path.is_file():
        try:
            tensors, known = load_tensors(path)
        except ModelError:  # of another version: it is only a cache
            known = {}
        if known == facts:
            return tensors
    tensors = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(path, tensors, facts)
    return tensors


def random_box(least: float, rng: np.random.Generator) -> Box:
    """A part with at least `least` of each side."""
    height, width = rng.uniform(least, 1, 2)
    return Box(float(rng.uniform(0, 1 - height)), float(rng.uniform(0, 1 - width)), float(height), float(width))


def mirrored(image: BgrImage) -> BgrImage:
    return image[:, ::-1]


def tick_each(paths: Sequence[Path], tick: Callable[[], None]) -> Iterator[tuple[int, Path]]:
    """enumerate, telling tick after each."""
    for index, path in enumerate(paths):
        yield index, path
        tick()
