"""The ablations as a table that says plainly where there is no difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

Figures = Mapping[str, Sequence[Mapping[str, float]]]
"""By variant: one table of figures per seed."""
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
    """A figure of a variant less the whole recipe's, seed by seed."""

    mean: float
    spread: float  # between the largest and the smallest over the seeds

    @property
    def counts(self) -> bool:
        """Larger than its own spread, hence of one sign with every seed (of two seeds); one seed shows nothing."""
        return abs(self.mean) > self.spread


def differences(figures: Figures, whole: str) -> dict[str, dict[str, Difference]]:
    """Of every variant but the whole recipe, by figure."""
    found: dict[str, dict[str, Difference]] = {}
    for variant, by_seed in figures.items():
        if variant in (whole, "start"):
            continue
        found[variant] = {}
        for name in by_seed[0]:
            each = [ours[name] - theirs[name] for ours, theirs in zip(by_seed, figures[whole], strict=True)]
            spread = max(each) - min(each) if len(each) > 1 else float("inf")
            found[variant][name] = Difference(float(np.mean(each)), spread)
    return found


def markdown(figures: Figures, whole: str) -> str:
    """Start and whole recipe with their figures, variants with their difference from it; bold where it counts."""
    names = [name for name in COLUMNS if name in figures[whole][0]]
    lines = [
        "| | " + " | ".join(COLUMNS[name][0] for name in names) + " | |",
        "|---|" + "---:|" * len(names) + "---|",
    ]
    for variant in ("start", whole):
        cells = [_plain(name, figures[variant]) for name in names]
        lines.append(f"| {variant} | {' | '.join(cells)} | |")
    for variant, of_variant in differences(figures, whole).items():
        cells = [_difference(name, of_variant[name]) for name in names]
        lines.append(f"| {variant} | {' | '.join(cells)} | {said(of_variant)} |")
    seeds = len(figures[whole])
    lines += [
        "",
        f"Over {seeds} seed{'s' if seeds > 1 else ''}. Rows below the whole recipe give the difference from it with the same "
        "seed: mean, and in brackets the spread between seeds. Bold: larger than its spread; everything else is no difference."
        + (" One seed shows no spread, so nothing is claimed." if seeds == 1 else ""),
    ]
    return "\n".join(lines)


def said(of_variant: Mapping[str, Difference]) -> str:
    """In words: what is better or worse for the variant, or that nothing is."""
    told = [f"{COLUMNS[name][0]} {'up' if d.mean > 0 else 'down'}" for name, d in of_variant.items() if d.counts]
    return "; ".join(told) or "no difference"


def _plain(name: str, by_seed: Sequence[Mapping[str, float]]) -> str:
    digits = COLUMNS[name][1]
    values = [figures[name] for figures in by_seed]
    spread = f" ({max(values) - min(values):.{digits}f})" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{spread}"


def _difference(name: str, difference: Difference) -> str:
    digits = COLUMNS[name][1]
    spread = f" ({difference.spread:.{digits}f})" if np.isfinite(difference.spread) else ""
    mark = "**" if difference.counts else ""
    return f"{mark}{difference.mean:+.{digits}f}{mark}{spread}"
