"""Run methods over cases, and keep every figure."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from davy.domain.errors import InvalidInputError
from davy.domain.frame import BgrImage
from davy_bench.datasets.cases import Case
from davy_bench.methods.methods import DAVY, Method
from davy_bench.quality.measure import Figures, measure

Tick = Callable[[int, int], None]  # told how many of how many are done
Judge = Callable[[BgrImage, BgrImage, BgrImage | None, float], Figures]  # output, low, truth, seconds


@dataclass(frozen=True, slots=True)
class Row:
    """One picture's figures by method."""

    case: Case
    figures: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Scores:
    """What a bench found."""

    title: str
    model: str
    methods: Mapping[str, Method]
    rows: Sequence[Row]
    skipped: Sequence[str]  # why, one sentence per picture

    @property
    def paired(self) -> bool:
        return "psnr_db" in self.rows[0].figures[DAVY]

    @property
    def groups(self) -> list[str]:
        return list(dict.fromkeys(row.case.group for row in self.rows))

    def means(self, group: str | None = None) -> dict[str, Figures]:
        """Mean of every figure by method, over one group or all; ms is the median."""
        rows = [row for row in self.rows if group is None or row.case.group == group]
        return {name: _means([row.figures[name] for row in rows]) for name in self.methods}

    def column(self, key: str, method: str = DAVY) -> list[float]:
        """One measure of one method, picture by picture."""
        return [row.figures[method][key] for row in self.rows]


def score(
    title: str, cases: Sequence[Case], methods: Mapping[str, Method], model: str, tick: Tick, judge: Judge = measure
) -> Scores:
    """Judge every method on every case; what cannot be read or compared is skipped and named.

    Raises:
        InvalidInputError: nothing is left.
    """
    rows: list[Row] = []
    skipped: list[str] = []
    for index, case in enumerate(cases):
        tick(index, len(cases))
        try:
            rows.append(Row(case, _figures(case, methods, judge, warm=not rows)))
        except InvalidInputError as error:
            skipped.append(f"{case.name}: {error}")
    tick(len(cases), len(cases))
    if not rows:
        raise InvalidInputError(f"none of the {len(cases)} pictures can be judged; the first: {skipped[0]}")
    return Scores(title, model, methods, rows, skipped)


def _figures(case: Case, methods: Mapping[str, Method], judge: Judge, warm: bool) -> dict[str, Figures]:
    low, truth = case.load()
    figures = {}
    for name, method in methods.items():
        if warm:
            method(low)  # the first call makes buffers
        output, seconds = _timed(method, low)
        figures[name] = judge(output, low, truth, seconds)
    return figures


def _timed(method: Method, image: BgrImage) -> tuple[BgrImage, float]:
    began = time.perf_counter()
    output = method(image)
    return output, time.perf_counter() - began


def _means(rows: Sequence[Figures]) -> Figures:
    """Over the pictures that have a figure; not every one applies to all."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: float((np.median if key == "ms" else np.mean)([row[key] for row in rows if key in row])) for key in keys}
