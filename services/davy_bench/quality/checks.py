"""Acceptance checks of the picture quality."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer
from davy_bench.methods.methods import DAVY, RAW
from davy_bench.quality.flicker import Trace
from davy_bench.quality.results import MAX_CLIPPED_POINTS, WELL_LIT_DB
from davy_bench.quality.scores import Scores
from davy_bench.quality.table import grid

LOL_MINIMUM = {"psnr_db": 20.5, "ssim": 0.78, "vif": 0.47}
RELIT_MINIMUM = {"psnr_db": 21.0, "ssim": 0.78}
MINE_GAIN_DB = 8.0
NAMES = {"psnr_db": "PSNR / dB", "ssim": "SSIM", "vif": "VIF"}


@dataclass(frozen=True, slots=True)
class Check:
    """One measured figure and its target, as text."""

    name: str
    measured: str
    target: str
    passed: bool


def minimum_checks(title: str, scores: Scores, minimum: Mapping[str, float]) -> list[Check]:
    """Compare Davy's mean figures with fixed limits."""
    means = scores.means()[DAVY]
    return [
        Check(f"{title}: {NAMES[key]}", _formatted(key, means[key]), f"at least {value:g}", means[key] >= value)
        for key, value in minimum.items()
    ]


def mine_checks(scores: Scores) -> list[Check]:
    """Compare Davy with the raw frames, and with the best other method by each metric."""
    means = scores.means()
    gain = means[DAVY]["psnr_db"] - means[RAW]["psnr_db"]
    checks = [Check("mine: gain over raw", f"{gain:+.2f} dB", f"at least {MINE_GAIN_DB:+g} dB", gain >= MINE_GAIN_DB)]
    others = [name for name in means if name not in (RAW, DAVY)]
    for key, title in NAMES.items():
        if others:
            best = max(others, key=lambda name: means[name][key])
            ours, theirs = means[DAVY][key], means[best][key]
            target = f"over {best}'s {_formatted(key, theirs)}"
            checks.append(Check(f"mine: {title}", _formatted(key, ours), target, ours > theirs))
    return checks


def flicker_checks(traces: Mapping[str, Trace]) -> list[Check]:
    """Compare each span's flicker with the gain-aligned raw video, over all blocks and over the steady ones."""
    checks = []
    for name, trace in traces.items():
        figures = trace.figures
        for suffix, title in (("", "flicker"), ("_steady", "flicker of steady blocks")):
            ours, raw = figures[f"enhanced{suffix}"], figures[f"raw{suffix}"]
            checks.append(Check(f"{name}: {title}", f"{ours:.3f}", f"at most raw's {raw:.3f}", ours <= raw))
    return checks


def well_lit_check(scores: Scores) -> Check:
    """Check that well-lit pictures stay almost unchanged."""
    median = float(np.median(scores.column("psnr_db")))
    return Check(
        "well-lit: PSNR against itself, median", f"{median:.2f} dB", f"at least {WELL_LIT_DB:g} dB", median >= WELL_LIT_DB
    )


def clipped_check(scores: Scores) -> Check:
    """Check that in no picture the clipped highlights grow over the limit."""
    over = over_clipped(scores)
    worst = max(scores.column("clipped_points"))
    measured = f"{worst:+.2f} points at most, {len(over)} of {len(scores.rows)} over the limit"
    return Check("real frames: growth of clipped highlights", measured, f"at most {MAX_CLIPPED_POINTS:g} points", not over)


def over_clipped(scores: Scores) -> list[str]:
    """Names of the pictures whose clipped highlights grow over the limit, the worst first."""
    rows = [(row.figures[DAVY]["clipped_points"], row.case.name) for row in scores.rows]
    return [name for points, name in sorted(rows, reverse=True) if points > MAX_CLIPPED_POINTS]


def identity_check(still: StillEnhancer, picture: BgrImage) -> Check:
    """Check that strength 0 changes no byte."""
    changed = int(np.count_nonzero(still.enhance(picture, 0.0) != picture))
    return Check("strength 0: changed bytes", str(changed), "0", changed == 0)


def check_table(checks: Sequence[Check]) -> list[str]:
    """A Markdown table with a row per check."""
    rows = [[check.name, check.measured, check.target, "PASS" if check.passed else "**FAIL**"] for check in checks]
    return grid(["check", "measured", "target", ""], rows)


def _formatted(key: str, value: float) -> str:
    return f"{value:.2f}" if key == "psnr_db" else f"{value:.3f}"
