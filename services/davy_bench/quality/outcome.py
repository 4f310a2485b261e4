"""What a bench leaves behind: Markdown, JSON, contact sheet, plots."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from davy_bench.methods.methods import RAW
from davy_bench.quality.measure import EQUAL_DB, EXPLAINED
from davy_bench.quality.plots import plot_cost, plot_histogram, plot_pictures
from davy_bench.quality.scores import Scores
from davy_bench.quality.sheet import select, write_sheet
from davy_bench.quality.table import as_json, markdown

SHEET_ROWS = 4
MOST_CLIPPED_POINTS = 0.5  # by which highlights may grow
WELL_LIT_DB = 30.0  # against itself, median


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """What a sheet shows: named pictures or else so many of all ranks; only these methods, all where it is empty."""

    rows: int = SHEET_ROWS
    names: Sequence[str] = ()
    methods: Sequence[str] = ()


def write(scores: Scores, name: str, out: Path, layout: SheetLayout, sheets: Path | None = None) -> list[Path]:
    """Write name.md, name.json, the sheet and the plots to out; the sheet to the folder sheets where one is given."""
    chosen = select(scores, layout.rows, layout.names)
    out.mkdir(parents=True, exist_ok=True)
    page, data = out / f"{name}.md", out / f"{name}.json"
    page.write_text(f"{markdown(scores)}\n\n{EXPLAINED}\n")
    data.write_text(json.dumps(as_json(scores), allow_nan=False) + "\n")
    return [
        page,
        data,
        *plots(scores, name, out),
        write_sheet((sheets or out) / f"{name}-sheet.jpg", scores, chosen, layout.methods),
    ]


def plots(scores: Scores, name: str, out: Path) -> list[Path]:
    """With references: every picture's PSNR, and, beside baselines, quality over cost. Without: by how much highlights grew.

    Pictures that are their own references have none of them.
    """
    if scores.paired:
        if min(scores.column("psnr_db", RAW)) >= EQUAL_DB:
            return []
        paths = [plot_pictures(out / f"{name}-pictures.png", scores)]
        return paths + [plot_cost(out / f"{name}-cost.png", scores)] * (len(scores.methods) > 2)
    label = "change of clipped highlights / points"
    values = scores.column("clipped_points")
    return [plot_histogram(out / f"{name}-clipped.png", scores.title, label, values, MOST_CLIPPED_POINTS)]
