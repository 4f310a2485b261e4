"""The written results of a measurement: Markdown, JSON, contact sheet, plots."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from davy_bench.methods.methods import RAW
from davy_bench.quality.measure import EXPLAINED, MAX_PSNR_DB
from davy_bench.quality.plots import plot_cost, plot_histogram, plot_pictures
from davy_bench.quality.scores import Scores
from davy_bench.quality.sheet import select, write_sheet
from davy_bench.quality.table import as_json, markdown

SHEET_ROWS = 4
MAX_CLIPPED_POINTS = 0.5  # limit of the growth of clipped highlights
WELL_LIT_DB = 30.0  # target of the median against the input


@dataclass(frozen=True, slots=True)
class SheetLayout:
    """Pictures of a contact sheet, by name or by number, and its methods; no methods means all."""

    rows: int = SHEET_ROWS
    names: Sequence[str] = ()
    methods: Sequence[str] = ()


def write_results(scores: Scores, name: str, out: Path, layout: SheetLayout, sheets: Path | None = None) -> list[Path]:
    """Write name.md, name.json, the plots and the contact sheet to out; with sheets, write the sheet to that folder."""
    selected = select(scores, layout.rows, layout.names)
    out.mkdir(parents=True, exist_ok=True)
    page, data = out / f"{name}.md", out / f"{name}.json"
    page.write_text(f"{markdown(scores)}\n\n{EXPLAINED}\n")
    data.write_text(json.dumps(as_json(scores), allow_nan=False) + "\n")
    return [
        page,
        data,
        *plots(scores, name, out),
        write_sheet((sheets or out) / f"{name}-sheet.jpg", scores, selected, layout.methods),
    ]


def plots(scores: Scores, name: str, out: Path) -> list[Path]:
    """Plot PSNR and, with baselines, quality over cost. Without references, plot the growth of clipped highlights.

    Pictures that are their own reference have no plots.
    """
    if scores.paired:
        if min(scores.column("psnr_db", RAW)) >= MAX_PSNR_DB:
            return []
        paths = [plot_pictures(out / f"{name}-pictures.png", scores)]
        return paths + [plot_cost(out / f"{name}-cost.png", scores)] * (len(scores.methods) > 2)
    label = "change of clipped highlights / points"
    values = scores.column("clipped_points")
    return [plot_histogram(out / f"{name}-clipped.png", scores.title, label, values, MAX_CLIPPED_POINTS)]
