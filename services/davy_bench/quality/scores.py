"""Run methods on cases, and collect all metrics."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from davy.domain.errors import InvalidInputError
from davy.domain.frame import BgrImage
from davy_bench.datasets.cases import Case
from davy_bench.methods.methods import DAVY, Method
from davy_bench.quality.measure import Figures, measure

ProgressCallback = Callable[[int, int], None]  # number of finished and of all steps
MetricFunction = Callable[[BgrImage, BgrImage, BgrImage | None, float], Figures]  # of output, low, reference, seconds


@dataclass(frozen=True, slots=True)
class Row:
    """Metrics of one picture, by method."""

    case: Case
    figures: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Scores:
    """Results of a measurement."""

    title: str
    model: str
    methods: Mapping[str, Method]
    rows: Sequence[Row]
    skipped: Sequence[str]  # reasons, one per picture

    @property
    def paired(self) -> bool:
        """Whether the pictures have references."""
        return "psnr_db" in self.rows[0].figures[DAVY]

    @property
    def groups(self) -> list[str]:
        """Groups in the order of the cases."""
        return list(dict.fromkeys(row.case.group for row in self.rows))

    def means(self, group: str | None = None) -> dict[str, Figures]:
        """Mean of every metric by method, over one group or all; ms is the median."""
        rows = [row for row in self.rows if group is None or row.case.group == group]
        return {name: _means([row.figures[name] for row in rows]) for name in self.methods}

    def column(self, key: str, method: str = DAVY) -> list[float]:
        """One metric of one method for all pictures."""
        return [row.figures[method][key] for row in self.rows]


def score(
    title: str,
    cases: Sequence[Case],
    methods: Mapping[str, Method],
    model: str,
    progress: ProgressCallback,
    metrics: MetricFunction = measure,
) -> Scores:
    """Measure every method on every case; unreadable or incomparable pictures are skipped with a reason.

    Raises:
        InvalidInputError: all pictures are skipped.
    """
    rows: list[Row] = []
    skipped: list[str] = []
    for index, case in enumerate(cases):
        progress(index, len(cases))
        try:
            rows.append(Row(case, _figures(case, methods, metrics, warm=not rows)))
        except InvalidInputError as error:
            skipped.append(f"{case.name}: {error}")
    progress(len(cases), len(cases))
    if not rows:
        raise InvalidInputError(f"none of the {len(cases)} pictures can be measured; the first: {skipped[0]}")
    return Scores(title, model, methods, rows, skipped)


def _figures(case: Case, methods: Mapping[str, Method], metrics: MetricFunction, warm: bool) -> dict[str, Figures]:
    low, reference = case.load()
    figures = {}
    for name, method in methods.items():
        if warm:
            method(low)  # the first call allocates buffers
        output, seconds = _timed(method, low)
        figures[name] = metrics(output, low, reference, seconds)
    return figures


def _timed(method: Method, image: BgrImage) -> tuple[BgrImage, float]:
    start_s = time.perf_counter()
    output = method(image)
    return output, time.perf_counter() - start_s


def _means(rows: Sequence[Figures]) -> Figures:
    """Means over the pictures to which a metric applies."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: float((np.median if key == "ms" else np.mean)([row[key] for row in rows if key in row])) for key in keys}
