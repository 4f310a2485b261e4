"""The figures that Davy's pictures are held to, and whether they are reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer
from davy_bench.methods.methods import DAVY, RAW
from davy_bench.quality.flicker import Trace
from davy_bench.quality.outcome import MOST_CLIPPED_POINTS, WELL_LIT_DB
from davy_bench.quality.scores import Scores
from davy_bench.quality.table import grid

LOL_LEAST = {"psnr_db": 20.5, "ssim": 0.78, "vif": 0.47}
RELIT_LEAST = {"psnr_db": 21.0, "ssim": 0.78}
MINE_GAIN_DB = 8.0
NAMES = {"psnr_db": "PSNR / dB", "ssim": "SSIM", "vif": "VIF"}


@dataclass(frozen=True, slots=True)
class Check:
    """One figure that is wanted."""

    what: str
    found: str
    wanted: str
    reached: bool


def at_least(what: str, scores: Scores, least: Mapping[str, float]) -> list[Check]:
    """Davy's mean figures against fixed ones."""
    means = scores.means()[DAVY]
    return [
        Check(f"{what}: {NAMES[key]}", _shown(key, means[key]), f"at least {value:g}", means[key] >= value)
        for key, value in least.items()
    ]


def mine_checks(scores: Scores) -> list[Check]:
    """So much over raw, and over every other method in every measure."""
    means = scores.means()
    gain = means[DAVY]["psnr_db"] - means[RAW]["psnr_db"]
    checks = [Check("mine: over raw", f"{gain:+.2f} dB", f"at least {MINE_GAIN_DB:+g} dB", gain >= MINE_GAIN_DB)]
    others = [name for name in means if name not in (RAW, DAVY)]
    for key, title in NAMES.items():
        if others:
            best = max(others, key=lambda name: means[name][key])
            ours, theirs = means[DAVY][key], means[best][key]
            checks.append(Check(f"mine: {title}", _shown(key, ours), f"over {best}'s {_shown(key, theirs)}", ours > theirs))
    return checks


def flicker_checks(found: Mapping[str, Trace]) -> list[Check]:
    """Every span: as restless as the gain-aligned raw video at most, over all and where little happens."""
    checks = []
    for name, trace in found.items():
        figures = trace.figures
        for suffix, words in (("", "flicker"), ("_steady", "flicker of steady blocks")):
            ours, raw = figures[f"enhanced{suffix}"], figures[f"raw{suffix}"]
            checks.append(Check(f"{name}: {words}", f"{ours:.3f}", f"at most raw's {raw:.3f}", ours <= raw))
    return checks


def well_lit_check(scores: Scores) -> Check:
    """Well-lit pictures come back."""
    median = float(np.median(scores.column("psnr_db")))
    return Check(
        "well-lit: PSNR against itself, median", f"{median:.2f} dB", f"at least {WELL_LIT_DB:g} dB", median >= WELL_LIT_DB
    )


def clipped_check(scores: Scores) -> Check:
    """No picture's highlights grow by more than half a point."""
    over = more_clipped(scores)
    worst = max(scores.column("clipped_points"))
    found = f"{worst:+.2f} points at worst, {len(over)} of {len(scores.rows)} over"
    return Check("real frames: growth of clipped highlights", found, f"never over {MOST_CLIPPED_POINTS:g} points", not over)


def more_clipped(scores: Scores) -> list[str]:
    """Names of the pictures whose highlights grow too much, the worst first."""
    rows = [(row.figures[DAVY]["clipped_points"], row.case.name) for row in scores.rows]
    return [name for points, name in sorted(rows, reverse=True) if points > MOST_CLIPPED_POINTS]


def identity_check(still: StillEnhancer, picture: BgrImage) -> Check:
    """Strength 0 leaves every byte as it is."""
    changed = int(np.count_nonzero(still.enhance(picture, 0.0) != picture))
    return Check("strength 0: bytes changed", str(changed), "0", changed == 0)


def check_table(checks: Sequence[Check]) -> list[str]:
    """Markdown, one row per check."""
    rows = [[check.what, check.found, check.wanted, "PASS" if check.reached else "**short**"] for check in checks]
    return grid(["what", "found", "wanted", ""], rows)


def _shown(key: str, value: float) -> str:
    return f"{value:.2f}" if key == "psnr_db" else f"{value:.3f}"
