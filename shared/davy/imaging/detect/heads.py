"""Decode a network's outputs to boxes, scores and classes: pure functions of arrays."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import InvalidInputError, ShapeError
from davy.imaging.detect.spec import DetectorSpec, Head

Floats = NDArray[np.float32]
Outputs = Mapping[str, NDArray[np.generic]]
MAX_CANDIDATES = 300


@dataclass(frozen=True, slots=True)
class Candidates:
    """Boxes before suppression, best first.

    Args:
        boxes: Left, top, right, bottom in px of the input, shape (K, 4).
        scores: Shape (K,), in [0, 1].
        classes: Shape (K,).
    """

    boxes: Floats
    scores: Floats
    classes: NDArray[np.intp]


def decode(outputs: Outputs, spec: DetectorSpec, size: tuple[int, int]) -> Candidates:
    """Return the candidates of at least spec.score.

    Args:
        outputs: Every output of the network by its name, in the graph's order.
        spec: Which head it has.
        size: Height and width of the input, px.

    Raises:
        InvalidInputError: the outputs are not those of the head.
    """
    match spec.head:
        case Head.NANODET:
            return _nanodet(_only(outputs), spec, size)
        case Head.YOLO:
            return _yolo(_only(outputs), spec)
        case Head.SSD:
            return _ssd(outputs, spec, size)
        case Head.DETR:
            return _detr(outputs, spec, size)


def cell_centres(size: tuple[int, int], strides: tuple[int, ...], offset: float) -> Floats:
    """Centre x, centre y and stride of every cell in px, shape (N, 3): the grids one after another, row by row."""
    grids = []
    for stride in strides:
        y, x = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        centres = (np.stack([x, y], axis=-1).reshape(-1, 2) + offset) * stride
        grids.append(np.column_stack([centres, np.full(len(centres), stride)]))
    return np.concatenate(grids).astype(np.float32)


def _nanodet(output: Floats, spec: DetectorSpec, size: tuple[int, int]) -> Candidates:
    """Source: Li et al. 2020, Generalized Focal Loss: a side's distance is the mean of a distribution over bins."""
    centres = cell_centres(size, spec.strides, spec.cell_offset)
    count = len(spec.classes)
    bins, rest = divmod(output.shape[1] - count, 4)
    if len(output) != len(centres) or rest or bins < 2 or not count:
        raise ShapeError("nanodet output", output.shape, f"({len(centres)}, {count} classes + 4 x bins)")
    scores, classes, kept = _best(output[:, :count], spec.score)
    logits = output[kept, count:].reshape(-1, 4, bins)
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    where = centres[kept]
    sides = (weights @ np.arange(bins, dtype=np.float32)) / weights.sum(-1) * where[:, 2:]
    boxes = np.concatenate([where[:, :2] - sides[:, :2], where[:, :2] + sides[:, 2:]], axis=1)
    return Candidates(boxes.astype(np.float32), scores, classes)


def _yolo(output: Floats, spec: DetectorSpec) -> Candidates:
    if min(output.shape) < 5:
        raise ShapeError("yolo output", output.shape, "(4 + C, N) or (N, 5 + C)")
    if output.shape[0] < output.shape[1]:  # more rows than columns mean the older format, with an objectness
        boxes, scores = output[:4].T, output[4:].T
    else:
        boxes, scores = output[:, :4], output[:, 5:] * output[:, 4:5]
    best, classes, kept = _best(scores, spec.score)
    return Candidates(_corners(boxes[kept]), best, classes)


def _ssd(outputs: Outputs, spec: DetectorSpec, size: tuple[int, int]) -> Candidates:
    boxes, scores, labels = (_named(outputs, *words) for words in (("box",), ("score", "conf"), ("class", "label")))
    boxes, scores, labels = boxes.reshape(-1, 4), scores.reshape(-1), labels.reshape(-1)
    if not len(boxes) == len(scores) == len(labels):
        raise ShapeError("ssd output", boxes.shape, f"({len(scores)}, 4)")
    kept = _order(scores, spec.score)
    boxes = boxes[kept][:, [1, 0, 3, 2]] if spec.yxyx else boxes[kept]
    scaled = boxes * _sides(size) if spec.relative else boxes
    return Candidates(scaled.astype(np.float32), scores[kept], labels[kept].astype(np.intp) - spec.first_label)


def _detr(outputs: Outputs, spec: DetectorSpec, size: tuple[int, int]) -> Candidates:
    logits, boxes = _named(outputs, "logit", "score", "label", "cls"), _named(outputs, "box", "dets")
    logits, boxes = logits.reshape(-1, logits.shape[-1]), boxes.reshape(-1, 4)
    if len(logits) != len(boxes):
        raise ShapeError("detr output", boxes.shape, f"({len(logits)}, 4)")
    if spec.softmax:
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        scores = (weights / weights.sum(-1, keepdims=True))[:, :-1]
    else:
        scores = 1 / (1 + np.exp(-logits))
    best, classes, kept = _best(scores.astype(np.float32), spec.score)
    return Candidates(_corners(boxes[kept]) * _sides(size), best, classes)


def _sides(size: tuple[int, int]) -> Floats:
    return np.array([size[1], size[0], size[1], size[0]], np.float32)


def _only(outputs: Outputs) -> Floats:
    """The first output without its batch axis."""
    first = next(iter(outputs.values()))
    if first.ndim != 3 or first.shape[0] != 1:
        raise ShapeError("output", first.shape, "(1, rows, columns)")
    return np.asarray(first[0], np.float32)


def _named(outputs: Outputs, *words: str) -> Floats:
    """The output whose name has one of the words."""
    for name, values in outputs.items():
        if any(word in name.lower() for word in words):
            return np.asarray(values, np.float32)
    raise InvalidInputError(f"outputs {', '.join(outputs)}: no name has {' or '.join(words)}")


def _best(scores: Floats, least: float) -> tuple[Floats, NDArray[np.intp], NDArray[np.intp]]:
    """Score, class and row of the best class of every row that reaches least, best first."""
    highest = scores.max(1, initial=0)
    kept = _order(highest, least)
    return highest[kept], scores[kept].argmax(1) if scores.shape[1] else kept, kept


def _order(scores: Floats, least: float) -> NDArray[np.intp]:
    kept = np.flatnonzero(scores >= least)
    return kept[np.argsort(-scores[kept], kind="stable")][:MAX_CANDIDATES]


def _corners(boxes: Floats) -> Floats:
    """Centre and size as corners."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1).astype(np.float32)
