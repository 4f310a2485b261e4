"""Real frames beside the classical methods: table, acceptance and sheet."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from davy_bench.methods.methods import DAVY
from davy_bench.quality.checks import Check
from davy_bench.quality.scores import Scores
from davy_bench.quality.sheet import select, write_sheet
from davy_bench.quality.table import as_json, method_table
from davy_bench.quality.visibility import EXPLAINED, VISIBLE_MEASURES

RIVAL = "gamma+CLAHE"  # what an operator has today
MOST_OF_FRAMES = 0.8
LEAST_HAZY_CONTRAST = 1.3
MOST_BANDS = 0.5
MOST_CHROMA = 1.0  # of 255
MOST_CLIPPED = 0.5  # points


def real_markdown(scores: Scores) -> str:
    """The table of means, and what could not be read."""
    lines = [f"{scores.title}: {len(scores.rows)} frames, Davy with {scores.model}", ""]
    lines += method_table(scores.means(), VISIBLE_MEASURES)
    if scores.skipped:
        lines += ["", f"{len(scores.skipped)} skipped:", "", *(f"- {reason}" for reason in scores.skipped)]
    return "\n".join(lines)


def real_checks(scores: Scores) -> list[Check]:
    """What is wanted of Davy on real frames; what applies to no frame is left out."""
    checks = [_beats_rival(scores)] if RIVAL in scores.methods else []
    wanted: tuple[tuple[str, str, float, Callable[[list[float]], float], bool], ...] = (
        ("local contrast of hazy frames, times raw", "hazy_contrast", LEAST_HAZY_CONTRAST, _mean, True),
        ("row bands at equal gain, times raw", "bands", MOST_BANDS, _mean, False),
        ("chroma of colourless frames", "chroma", MOST_CHROMA, max, False),
        ("growth of clipped highlights / points", "clipped_points", MOST_CLIPPED, max, False),
    )
    for what, key, limit, reduce, least in wanted:
        values = [row.figures[DAVY][key] for row in scores.rows if key in row.figures[DAVY]]
        if values:
            found = reduce(values)
            reached = found >= limit if least else found <= limit
            checks.append(Check(what, f"{found:.2f}", f"at {'least' if least else 'most'} {limit:g}", reached))
    return checks


def write_real(scores: Scores, out: Path, rows: int) -> list[Path]:
    """Write real.md, real.json and real-sheet.jpg."""
    out.mkdir(parents=True, exist_ok=True)
    page, data = out / "real.md", out / "real.json"
    page.write_text(f"{real_markdown(scores)}\n\n{EXPLAINED}\n")
    data.write_text(json.dumps(as_json(scores), allow_nan=False) + "\n")
    return [page, data, write_sheet(out / "real-sheet.jpg", scores, select(scores, rows))]


def _beats_rival(scores: Scores) -> Check:
    better = [
        row.figures[DAVY]["visibility"] > row.figures[RIVAL]["visibility"]
        and row.figures[DAVY]["dark_noise"] < row.figures[RIVAL]["dark_noise"]
        for row in scores.rows
    ]
    share = float(np.mean(better))
    what = f"frames where the dark is seen better, at less noise, than with {RIVAL}"
    return Check(what, f"{100 * share:.0f} %", f"at least {100 * MOST_OF_FRAMES:.0f} %", share >= MOST_OF_FRAMES)


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
