"""Well-lit pictures, which should stay unchanged: each is its own reference."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from davy_bench.datasets.cases import Case, ImagePair, find_pictures, read
from davy_bench.methods.methods import DAVY
from davy_bench.quality.measure import MAX_PSNR_DB
from davy_bench.quality.scores import Scores


def well_lit_cases(folder: Path) -> list[Case]:
    """The pictures below a folder, each with itself as reference.

    Raises:
        ConfigError: the folder is missing, or has no picture.
    """
    return [_case(path) for path in find_pictures(folder)]


def psnr_table(scores: Scores) -> Sequence[str]:
    """Median and worst PSNR against the input by method, as a Markdown table."""
    lines = ["| method | median / dB | worst / dB | worst picture |", "| :--- | ---: | ---: | :--- |"]
    for name in scores.methods:
        values = scores.column("psnr_db", name)
        worst = int(np.argmin(values))
        if name == DAVY or min(values) < MAX_PSNR_DB:  # raw equals its reference
            lines.append(f"| {name} | {np.median(values):.2f} | {values[worst]:.2f} | {scores.rows[worst].case.name} |")
    return lines


def _case(path: Path) -> Case:
    def load() -> ImagePair:
        picture = read(path)
        return picture, picture

    return Case(path.stem, "", load)
