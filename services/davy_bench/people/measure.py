"""Precision, recall and average precision, by supervision's COCO evaluator."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from supervision import Detections
from supervision.metrics.mean_average_precision import COCOEvaluator, EvaluationDataset

from davy.imaging.detect import Detector
from davy_bench.people.cases import MIN_VISIBLE, PeopleCase, Truth

PERSON = "person"
WANTED_PRECISION = 0.9
Keep = Callable[[PeopleCase, Truth], bool]


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


@dataclass(slots=True)
class Findings:
    """Every case with what a detector found in one light."""

    light: str
    cases: list[tuple[PeopleCase, Detections]] = field(default_factory=list)

    def curve(self, least_px: float, keep: Keep = lambda _case, _truth: True) -> Curve:
        """The curve for people of at least least_px whom keep names; all others are neither wanted nor punished."""
        targets: list[Any] = []
        found: list[Any] = []
        people = 0
        for number, (case, detections) in enumerate(self.cases):
            for truth in case.truths:
                wanted = truth.height_px >= least_px and truth.visible >= MIN_VISIBLE and keep(case, truth)
                people += wanted
                targets.append(_annotation(number, truth.box, len(targets) + 1, ignore=int(not wanted)))
            for box, score in zip(detections.xyxy, _scores(detections), strict=True):
                found.append(_annotation(number, box, len(found) + 1, score=float(score)))
        images: list[Any] = [{"id": number} for number in range(len(self.cases))]
        dataset = EvaluationDataset({"images": images, "annotations": targets, "categories": [{"id": 1, "name": PERSON}]})
        recall = np.linspace(0, 1, 101)
        if not people or not found:
            return Curve(recall, np.zeros(101), np.zeros(101), people)
        evaluator = COCOEvaluator(dataset, dataset.load_predictions(found))
        evaluator.evaluate()
        precision, scores = (np.asarray(evaluator.results[name])[0, :, 0, 0, -1] for name in ("precision", "scores"))
        return Curve(recall, np.maximum(precision, 0).astype(float), np.maximum(scores, 0).astype(float), people)


def run(detector: Detector, cases: Iterable[PeopleCase]) -> tuple[list[Findings], list[PeopleCase]]:
    """Look at every case in every light; the detector should report from a low score on."""
    by_light: dict[str, Findings] = {}
    seen = []
    for case in cases:
        seen.append(case)
        for light, image in case.images.items():
            detections = detector.detect(image)
            people = detections[detections.data.get("class_name", np.array([])) == PERSON] if len(detections) else detections
            by_light.setdefault(light, Findings(light)).cases.append((case, _as_detections(people)))
    return list(by_light.values()), seen


def _as_detections(found: object) -> Detections:
    return found if isinstance(found, Detections) else Detections.empty()


def _scores(detections: Detections) -> Sequence[float]:
    return [] if detections.confidence is None else list(detections.confidence)


def _annotation(image: int, box: Sequence[float], number: int, **more: float) -> dict[str, object]:
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
