"""Which cells answer for which person, and how certain their answer should be.

Source: Feng et al. 2021, TOOD (task-aligned assignment).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

TOP_CELLS = 9  # per person
SCORE_POWER, OVERLAP_POWER = 0.5, 4.0
REACH = 0.75  # strides round the centre of a box; a box smaller than a cell has a cell of its own then


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of one image's cells.

    Args:
        quality: Score that each cell should give, shape (N,), 0 for background.
        boxes: Box that each cell should give, shape (N, 4); only where quality is above 0.
        counts: 0 where the cell's score is not judged: a person who is hardly visible, shape (N,).
    """

    quality: Tensor
    boxes: Tensor
    counts: Tensor


def overlaps(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection over union, and the generalised one (Rezatofighi et al. 2019), of boxes that broadcast, shape (..., 4)."""
    inner = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1)
    union = _area(a) + _area(b) - inner + 1e-6
    hull = (torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])).clamp(min=0).prod(-1) + 1e-6
    overlap = inner / union
    return overlap, overlap - (hull - union).clamp(min=0) / hull


def assign(scores: Tensor, boxes: Tensor, centres: Tensor, truth: Tensor, ignored: Tensor) -> Targets:
    """Give each person the cells whose score and box agree best.

    Args:
        scores: Predicted scores of a person, shape (N,), in [0, 1].
        boxes: Predicted boxes, shape (N, 4), px.
        centres: Centre and stride of the cells, shape (N, 3), px.
        truth: Boxes of people, shape (P, 4), px.
        ignored: Boxes inside which background is not judged, shape (I, 4), px.
    """
    quality, counts = torch.zeros_like(scores), torch.ones_like(scores)
    if len(ignored):
        counts[_near(centres, ignored).any(1)] = 0
    if not len(truth):
        return Targets(quality, torch.zeros_like(boxes), counts)
    overlap, _ = overlaps(boxes[:, None], truth[None])  # (N, P)
    metric = scores[:, None] ** SCORE_POWER * overlap**OVERLAP_POWER + 1e-9
    metric = torch.where(_near(centres, truth), metric, torch.zeros_like(metric))
    best = metric.topk(min(TOP_CELLS, len(metric)), dim=0)
    chosen = torch.zeros_like(metric).scatter(0, best.indices, best.values)
    share = chosen / chosen.amax(0, keepdim=True).clamp(min=1e-9)
    aim = share * torch.where(chosen > 0, overlap, 0).amax(0, keepdim=True).clamp(min=0.3)  # a new box starts at a low overlap
    quality, owner = aim.max(1)
    return Targets(quality, truth[owner], torch.where(quality > 0, 1.0, counts))


def _near(centres: Tensor, boxes: Tensor) -> Tensor:
    """Which cells lie in which boxes, or near their middle, shape (N, P)."""
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = torch.maximum(half[None], REACH * centres[:, None, 2:])
    return ((centres[:, None, :2] - middle[None]).abs() <= reach).all(-1)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2:] - boxes[..., :2]).clamp(min=0).prod(-1)
