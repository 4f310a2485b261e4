"""Real frames in comparison with classical methods: table, acceptance checks and contact sheet."""

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

BASELINE = "gamma+CLAHE"  # common practice
MIN_FRAMES_SHARE = 0.8
MIN_HAZY_CONTRAST = 1.3
MAX_BANDS = 0.5
MAX_CHROMA = 1.0  # of 255
MAX_CLIPPED = 0.5  # points


def real_markdown(scores: Scores) -> str:
    """The table of means, and the unreadable pictures."""
    lines = [f"{scores.title}: {len(scores.rows)} frames, Davy with {scores.model}", ""]
    lines += method_table(scores.means(), VISIBLE_MEASURES)
    if scores.skipped:
        lines += ["", f"{len(scores.skipped)} skipped:", "", *(f"- {reason}" for reason in scores.skipped)]
    return "\n".join(lines)


def real_checks(scores: Scores) -> list[Check]:
    """Acceptance checks on real frames, without those that apply to no frame."""
    checks = [_beats_baseline(scores)] if BASELINE in scores.methods else []
    limits: tuple[tuple[str, str, float, Callable[[list[float]], float], bool], ...] = (
        ("local contrast of hazy frames, times raw", "hazy_contrast", MIN_HAZY_CONTRAST, _mean, True),
        ("row bands at equal gain, times raw", "bands", MAX_BANDS, _mean, False),
        ("chroma of colourless frames", "chroma", MAX_CHROMA, max, False),
        ("growth of clipped highlights / points", "clipped_points", MAX_CLIPPED, max, False),
    )
    for title, key, limit, reduce, is_minimum in limits:
        values = [row.figures[DAVY][key] for row in scores.rows if key in row.figures[DAVY]]
        if values:
            value = reduce(values)
            passed = value >= limit if is_minimum else value <= limit
            checks.append(Check(title, f"{value:.2f}", f"at {'least' if is_minimum else 'most'} {limit:g}", passed))
    return checks


def write_real(scores: Scores, out: Path, rows: int) -> list[Path]:
    """Write real.md, real.json and real-sheet.jpg."""
    out.mkdir(parents=True, exist_ok=True)
    page, data = out / "real.md", out / "real.json"
    page.write_text(f"{real_markdown(scores)}\n\n{EXPLAINED}\n")
    data.write_text(json.dumps(as_json(scores), allow_nan=False) + "\n")
    return [page, data, write_sheet(out / "real-sheet.jpg", scores, select(scores, rows))]


def _beats_baseline(scores: Scores) -> Check:
    better = [
        row.figures[DAVY]["visibility"] > row.figures[BASELINE]["visibility"]
        and row.figures[DAVY]["dark_noise"] < row.figures[BASELINE]["dark_noise"]
        for row in scores.rows
    ]
    share = float(np.mean(better))
    title = f"frames with better visibility in the dark, and less noise, than with {BASELINE}"
    return Check(title, f"{100 * share:.0f} %", f"at least {100 * MIN_FRAMES_SHARE:.0f} %", share >= MIN_FRAMES_SHARE)


def _mean(values: list[float]) -> float:
    return float(np.mean(values))
