"""What a detector finds in every case, and its precision and recall."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from supervision import Detections

from davy.imaging.detect import Detector
from davy.imaging.detect.precision import Curve, precision_recall
from davy_bench.people.cases import MIN_VISIBLE, PeopleCase, Truth

PERSON = "person"
WANTED_PRECISION = 0.9
Keep = Callable[[PeopleCase, Truth], bool]


@dataclass(slots=True)
class Findings:
    """Every case with what a detector found in one light."""

    light: str
    cases: list[tuple[PeopleCase, Detections]] = field(default_factory=list)

    def curve(self, least_px: float, keep: Keep = lambda _case, _truth: True) -> Curve:
        """The curve for people of at least least_px whom keep names; all others are neither wanted nor punished."""

        def wanted(case: PeopleCase, truth: Truth) -> bool:
            return truth.height_px >= least_px and truth.visible >= MIN_VISIBLE and keep(case, truth)

        return precision_recall(
            [([(truth.box, wanted(case, truth)) for truth in case.truths], found) for case, found in self.cases]
        )


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
