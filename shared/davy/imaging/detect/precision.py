"""Precision, recall and average precision at an overlap of 50 %, by supervision's COCO evaluator."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from supervision import Detections
from supervision.metrics.mean_average_precision import COCOEvaluator, EvaluationDataset

Box = Sequence[float]


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision over recall at an overlap of 50 %.

    Args:
        recall: 0, 0.01, ... 1.
        precision: Best precision at that recall or a higher one; 0 where it is never reached.
        scores: Score of the detection that reaches the recall; 0 where none does.
        people: Number of people.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    scores: NDArray[np.float64]
    people: int

    @property
    def ap50(self) -> float:
        """Average precision at an overlap of 50 %."""
        return float(self.precision.mean())

    def recall_at(self, precision: float) -> float:
        """Largest recall at a precision of at least this."""
        reached = self.recall[self.precision >= precision]
        return float(reached.max()) if len(reached) else 0.0

    def at_score(self, score: float) -> tuple[float, float]:
        """Precision and recall of all detections from a score on."""
        kept = np.flatnonzero(self.scores >= score)
        return (float(self.precision[kept[-1]]), float(self.recall[kept[-1]])) if len(kept) else (0.0, 0.0)


def precision_recall(pictures: Sequence[tuple[Sequence[tuple[Box, bool]], Detections]]) -> Curve:
    """Compare detections of one class with the truth.

    Args:
        pictures: Per picture the true boxes, left, top, right, bottom in px, each wanted or else neither wanted nor punished;
            and what was found.
    """
    targets: list[Any] = []
    found: list[Any] = []
    for number, (truths, detections) in enumerate(pictures):
        for box, wanted in truths:
            targets.append(_annotation(number, box, len(targets) + 1, ignore=int(not wanted)))
        scores = [] if detections.confidence is None else list(detections.confidence)
        for box, score in zip(detections.xyxy, scores, strict=True):
            found.append(_annotation(number, box, len(found) + 1, score=float(score)))
    people = sum(not each["ignore"] for each in targets)
    recall = np.linspace(0, 1, 101)
    if not people or not found:
        return Curve(recall, np.zeros(101), np.zeros(101), people)
    images: list[Any] = [{"id": number} for number in range(len(pictures))]
    dataset = EvaluationDataset({"images": images, "annotations": targets, "categories": [{"id": 1, "name": "object"}]})
    evaluator = COCOEvaluator(dataset, dataset.load_predictions(found))
    evaluator.evaluate()
    precision, scores_at = (np.asarray(evaluator.results[name])[0, :, 0, 0, -1] for name in ("precision", "scores"))
    return Curve(recall, np.maximum(precision, 0).astype(float), np.maximum(scores_at, 0).astype(float), people)


def _annotation(image: int, box: Box, number: int, **more: float) -> dict[str, Any]:
    left, top, right, bottom = (float(side) for side in box)
    width, height = right - left, bottom - top
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [left, top, width, height],
        "area": max(width * height, 1e-3),
        "iscrowd": 0,
        **more,
    }
