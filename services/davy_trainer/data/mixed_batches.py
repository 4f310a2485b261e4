"""Batches of enhancement: real low-light pictures, views for CLIP, and replayed batches of self-supervision."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davy_trainer.data.photographs import Group
from davy_trainer.data.synthetic import Batch, crop, make_batch
from davy_trainer.objectives.patches import WHOLE, Box, draw_dark, grid_boxes
from davy_trainer.stages.settings import EnhanceSettings

GRID = 3  # patches per side, as in refinement
DARKNESS = 1.0  # a patch that is a stop darker is drawn e times as often, as in refinement


@dataclass(frozen=True, slots=True)
class MixedBatch:
    """A batch of stage 2.

    Attributes:
        low: RGB, uint8, (B, H, W, 3).
        names: Group of each picture.
        views: Index of the picture and box, (V,).
        views_share: V over an equal share of all ranks' views.
    """

    low: NDArray[np.uint8]
    names: list[str]
    views: list[tuple[int, Box]]
    replay: Batch | None
    views_share: float = 1.0

    def tensor(self) -> Tensor:
        """Return low as (B, 3, H, W), float in [0, 1]."""
        return torch.from_numpy(self.low).permute(0, 3, 1, 2).contiguous().float() / 255


def make_mixed(
    low: Sequence[Group], normal: Sequence[Group], settings: EnhanceSettings, index: int, process: tuple[int, int] = (0, 1)
) -> MixedBatch:
    """Draw the batch of an index; it depends only on seed and index.

    Args:
        process: Rank and world size; a rank makes its share of the batch.
    """
    rng = np.random.default_rng((settings.seed, 2, index))  # 2: independent of the replayed batch
    reading = settings.reading
    weights = np.array([group.weight for group in low])
    crops, names = [], []
    for _ in range(settings.batch):
        group = low[rng.choice(len(low), p=weights / weights.sum())]
        pictures = group.pictures
        names.append(group.name)
        crops.append(crop(pictures[int(rng.integers(len(pictures)))], reading, rng)[:, :, ::-1])
    views = [_view(k % settings.batch, crops[k % settings.batch], settings, rng) for k in range(settings.views)]
    replayed = settings.replay is not None and settings.replay_weight > 0
    mine = _shard(settings.batch, process)
    own = [(k - mine.start, box) for k, box in views if k in mine]
    share = len(own) * process[1] / len(views)
    replay = None
    if settings.replay is not None and replayed:
        replay = make_batch(normal, settings.replay, index, _shard(settings.replay.batch, process))
    return MixedBatch(np.stack(crops[mine.start : mine.stop]), names[mine.start : mine.stop], own, replay, share)


def _shard(batch: int, process: tuple[int, int]) -> range:
    share = batch // process[1]
    return range(process[0] * share, (process[0] + 1) * share)


def _view(index: int, picture: NDArray[np.uint8], settings: EnhanceSettings, rng: np.random.Generator) -> tuple[int, Box]:
    if rng.random() >= settings.patch_share:
        return index, WHOLE
    boxes = grid_boxes(GRID)
    return index, boxes[draw_dark(picture[:, :, ::-1], boxes, 1, DARKNESS, rng)[0]]
