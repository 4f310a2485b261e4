"""Well-lit pictures must come back as they were: each is its own reference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from davy_bench.datasets.cases import Case, Shown, find, read
from davy_bench.methods.methods import DAVY
from davy_bench.quality.measure import EQUAL_DB
from davy_bench.quality.scores import Scores


def well_lit_cases(folder: Path) -> list[Case]:
    """The pictures below folder, each with itself as reference.

    Raises:
        ConfigError: the folder is missing, or holds no picture.
    """
    return [_case(path) for path in find(folder)]


def spread_table(scores: Scores) -> Sequence[str]:
    """Median and worst PSNR against the input, by method, as a Markdown table."""
    lines = ["| method | median / dB | worst / dB | worst picture |", "| :--- | ---: | ---: | :--- |"]
    for name in scores.methods:
        values = scores.column("psnr_db", name)
        worst = int(np.argmin(values))
        if name == DAVY or min(values) < EQUAL_DB:  # raw is the picture itself
            lines.append(f"| {name} | {np.median(values):.2f} | {values[worst]:.2f} | {scores.rows[worst].case.name} |")
    return lines


def _case(path: Path) -> Case:
    def load() -> Shown:
        picture = read(path)
        return picture, picture

    return Case(path.stem, "", load)
