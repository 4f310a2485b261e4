"""The ablations as a table, with differences in bold only if they are significant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Figures = Mapping[str, Sequence[Mapping[str, float]]]
"""One table of figures per seed, by variant."""
COLUMNS = {
    "validation_psnr_db": ("validation, PSNR / dB", 2),
    "validation_ssim": ("validation, SSIM", 4),
    "mine_psnr_db": ("mine, PSNR / dB", 2),
    "mine_dark_psnr_db": ("mine, dark regions, PSNR / dB", 2),
    "real_dark_luma": ("real, dark regions, luma", 4),
    "real_dark_contrast": ("real, dark regions, contrast", 4),
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Difference of a variant's figure from that of the whole recipe, seed by seed."""

    mean: float
    spread: float  # largest minus smallest over the seeds

    @property
    def significant(self) -> bool:
        """Larger than its spread; never with one seed."""
        return abs(self.mean) > self.spread


def differences(figures: Figures, full_recipe: str) -> dict[str, dict[str, Difference]]:
    """Return the differences of every variant from the whole recipe, by figure."""
    found: dict[str, dict[str, Difference]] = {}
    for variant, by_seed in figures.items():
        if variant in (full_recipe, "start"):
            continue
        found[variant] = {}
        for name in by_seed[0]:
            each = [ours[name] - theirs[name] for ours, theirs in zip(by_seed, figures[full_recipe], strict=True)]
            spread = max(each) - min(each) if len(each) > 1 else float("inf")
            found[variant][name] = Difference(float(np.mean(each)), spread)
    return found


def markdown(figures: Figures, full_recipe: str) -> str:
    """Return the figures of start and whole recipe, and the variants' differences from it, significant ones in bold."""
    names = [name for name in COLUMNS if name in figures[full_recipe][0]]
    lines = [
        "| | " + " | ".join(COLUMNS[name][0] for name in names) + " | |",
        "|---|" + "---:|" * len(names) + "---|",
    ]
    for variant in ("start", full_recipe):
        cells = [_plain(name, figures[variant]) for name in names]
        lines.append(f"| {variant} | {' | '.join(cells)} | |")
    for variant, of_variant in differences(figures, full_recipe).items():
        cells = [_difference(name, of_variant[name]) for name in names]
        lines.append(f"| {variant} | {' | '.join(cells)} | {conclusion(of_variant)} |")
    seeds = len(figures[full_recipe])
    lines += [
        "",
        f"Over {seeds} seed{'s' if seeds > 1 else ''}. Rows below the whole recipe show the difference from it with the same "
        "seed: mean, and spread between seeds in brackets. Bold differences are larger than their spread."
        + (" One seed has no spread, so no difference is significant." if seeds == 1 else ""),
    ]
    return "\n".join(lines)


def conclusion(of_variant: Mapping[str, Difference]) -> str:
    """Describe the significant differences, or state that there is none."""
    changes = [f"{COLUMNS[name][0]} {'up' if d.mean > 0 else 'down'}" for name, d in of_variant.items() if d.significant]
    return "; ".join(changes) or "no difference"


def _plain(name: str, by_seed: Sequence[Mapping[str, float]]) -> str:
    digits = COLUMNS[name][1]
    values = [figures[name] for figures in by_seed]
    spread = f" ({max(values) - min(values):.{digits}f})" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def _difference(name: str, difference: Difference) -> str:
    digits = COLUMNS[name][1]
    spread = f" ({difference.spread:.{digits}f})" if np.isfinite(difference.spread) else ""
    mark = "**" if difference.significant else ""
    return f"{mark}{difference.mean:+.{digits}f}{mark}{spread}"
