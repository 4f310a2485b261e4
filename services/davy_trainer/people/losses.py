"""Losses of the detector: quality focal, generalised IoU and distribution focal for people; distillation on photographs.

Source: Li et al. 2020, Generalized Focal Loss.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from davy_trainer.people.assign import Targets, assign, overlaps
from davy_trainer.people.net import BINS, CLASSES, REG_MAX, boxes_of

PERSON = 0  # its number among the classes
OTHERS_WEIGHT = 0.1  # of the loss that keeps the other classes silent in the mine
BOX_WEIGHT, BINS_WEIGHT = 2.0, 0.5
CONFIDENT = 0.3  # a teacher's box counts from this score


def mine_losses(output: Tensor, centres: Tensor, truth: Sequence[Tensor], ignored: Sequence[Tensor]) -> Mapping[str, Tensor]:
    """Losses against true boxes.

    Args:
        output: Of the network, shape (B, N, 80 + 44).
        centres: Centre and stride of the cells, shape (N, 3).
        truth: Boxes of people of each image, shape (P, 4).
        ignored: Boxes of people who are hardly visible.
    """
    logits, distances = output[..., :CLASSES], output[..., CLASSES:]
    boxes = boxes_of(distances, centres)
    with torch.no_grad():
        scores = logits[..., PERSON].sigmoid()
        targets = [assign(scores[k], boxes[k], centres, truth[k], ignored[k]) for k in range(len(output))]
    quality = torch.stack([each.quality for each in targets])
    counts = torch.stack([each.counts for each in targets])
    scale = quality.sum().clamp(min=1.0)
    others = logits[..., PERSON + 1 :].sigmoid()
    positive = quality > 0
    return {
        "person": (_quality_focal(logits[..., PERSON], quality) * counts).sum() / scale,
        "others": OTHERS_WEIGHT * (-others.pow(2) * torch.log1p(-others.clamp(max=0.999))).sum() / scale,
        **_box_losses(distances[positive], boxes[positive], _joined(targets, positive), centres, quality, positive, scale),
    }


def photograph_losses(output: Tensor, teacher: Tensor) -> Mapping[str, Tensor]:
    """Losses that keep the network's answers on ordinary photographs.

    Args:
        output: Of the network, shape (B, N, 80 + 44).
        teacher: Of the network before the training, the same shape.
    """
    aim = teacher[..., :CLASSES].sigmoid()
    score = aim.amax(-1)
    scale = score[score > CONFIDENT].sum().clamp(min=1.0)
    sure = score > CONFIDENT
    result = output[..., CLASSES:][sure].reshape(-1, 4, BINS).log_softmax(-1)
    wanted = teacher[..., CLASSES:][sure].reshape(-1, 4, BINS).softmax(-1)
    bins = -(wanted * result).sum(-1).mean(-1) * score[sure]
    return {"keep": _quality_focal(output[..., :CLASSES], aim).sum() / scale, "keep_boxes": BINS_WEIGHT * bins.sum() / scale}


def _quality_focal(logits: Tensor, quality: Tensor) -> Tensor:
    weight = (quality - logits.sigmoid()).detach().abs().pow(2)
    return functional.binary_cross_entropy_with_logits(logits, quality, reduction="none") * weight


def _joined(targets: Sequence[Targets], positive: Tensor) -> Tensor:
    return torch.stack([each.boxes for each in targets])[positive]


def _box_losses(
    distances: Tensor, boxes: Tensor, wanted: Tensor, centres: Tensor, quality: Tensor, positive: Tensor, scale: Tensor
) -> Mapping[str, Tensor]:
    """Of the cells that answer for somebody: distances (C, 44), boxes and wanted (C, 4)."""
    weight = quality[positive]
    where = centres.expand(len(positive), -1, -1)[positive]
    sides = torch.cat([where[:, :2] - wanted[:, :2], wanted[:, 2:] - where[:, :2]], dim=1) / where[:, 2:]
    sides = sides.clamp(0, REG_MAX - 0.01)
    low = sides.floor().long()
    log = distances.reshape(-1, 4, BINS).log_softmax(-1)
    share = sides - low
    near = log.gather(-1, low[..., None])[..., 0] * (1 - share) + log.gather(-1, low[..., None] + 1)[..., 0] * share
    return {
        "box": BOX_WEIGHT * ((1 - overlaps(boxes, wanted)[1]) * weight).sum() / scale,
        "bins": BINS_WEIGHT * (-near.mean(-1) * weight).sum() / scale,
    }
