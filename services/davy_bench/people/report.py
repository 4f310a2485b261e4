"""Table, curves and sheet of `davy bench people`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from supervision import BoxAnnotator, Color, Detections

from davy.domain.frame import BgrImage
from davy.imaging.detect.precision import Curve
from davy_bench.people.cases import ENHANCED, RAW, PeopleCase, Truth
from davy_bench.people.intruders import Intruder
from davy_bench.people.measure import WANTED_PRECISION, Findings, Keep
from davy_bench.quality.sheet import write_jpeg
from davy_bench.quality.table import grid

COLOURS = {RAW: "#8a8a8a", ENHANCED: "#c8501e"}
OTHER = "#3a6ea5"
CELL = (400, 225)
SHEET_ROWS = 8
MAX_SECTIONS = 12
WITHIN_S = 3.0
TITLES = ("light", "people", "AP50", f"recall at precision {WANTED_PRECISION:g}", "precision", "recall")


def tables(findings: Sequence[Findings], least_px: float, score: float) -> str:
    """Figures of all pictures, of each kind of light, and of each place."""
    sections: list[tuple[str, Keep]] = [("All", _everybody)]
    for attribute in ("kind", "group"):
        names = list(dict.fromkeys(getattr(case, attribute) for case, _ in findings[0].cases))
        if 1 < len(names) <= MAX_SECTIONS:
            sections += [(name, _only(attribute, name)) for name in names]
    lines = []
    for title, keep in sections:
        curves = {each.light: each.curve(least_px, keep) for each in findings}
        lines += ["", f"### {title[0].upper()}{title[1:]}", "", *_table(curves, score)]
    return "\n".join(lines[1:])


def intruder_table(staged: Sequence[Intruder], false: Mapping[str, int], minutes: float) -> list[str]:
    """How soon intruders are raised, and how many alarms nobody caused."""
    rows = []
    for place in dict.fromkeys(each.place for each in staged):
        times = [each.raised_s for each in staged if each.place == place]
        raised = [each for each in times if each is not None]
        in_time = sum(each <= WITHIN_S for each in raised)
        slowest = f"{max(raised):.1f} s" if raised else "-"
        rows.append([place, str(len(times)), str(in_time), slowest, str(false.get(place, "-"))])
    titles = ("place", "intruders", f"raised within {WITHIN_S:g} s", "slowest", f"false alarms in {minutes:g} min")
    return grid(titles, rows)


def _everybody(_case: PeopleCase, _truth: Truth) -> bool:
    return True


def _only(attribute: str, name: str) -> Keep:
    return lambda case, _truth: bool(getattr(case, attribute) == name)


def plot_curves(path: Path, findings: Sequence[Findings], least_px: float, score: float) -> Path:
    """Precision over recall of every light; a dot marks the detector's own score."""
    figure = Figure(figsize=(6.4, 4.4), dpi=110, layout="constrained")
    axes = figure.subplots()
    for each in findings:
        curve, colour = each.curve(least_px), COLOURS.get(each.light, OTHER)
        axes.plot(curve.recall, curve.precision, color=colour, label=f"{each.light}, AP50 {curve.ap50:.2f}")
        precision, recall = curve.at_score(score)
        axes.plot([recall], [precision], "o", color=colour)
    axes.axhline(WANTED_PRECISION, color="black", linewidth=0.8, linestyle="--")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02), title=f"people of at least {least_px:g} px")
    axes.legend(loc="lower left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path


def write_sheet(path: Path, findings: Sequence[Findings], score: float) -> Path:
    """Lights side by side: green boxes are true, orange ones found."""
    people = [index for index, (case, _) in enumerate(findings[0].cases) if case.truths]
    shown = [people[round(k)] for k in np.linspace(0, len(people) - 1, min(SHEET_ROWS, len(people)))]
    rows = [np.hstack([_cell(each, index, score) for each in findings]) for index in shown]
    return write_jpeg(path, np.vstack(rows))


def _table(curves: dict[str, Curve], score: float) -> list[str]:
    rows = []
    for light, curve in curves.items():
        figures = (curve.ap50, curve.recall_at(WANTED_PRECISION), *curve.at_score(score))
        rows.append([light, str(curve.people), *(f"{figure:.2f}" for figure in figures)])
    return grid(TITLES, rows)


def _cell(findings: Findings, index: int, score: float) -> BgrImage:
    (case, found), light = findings.cases[index], findings.light
    image = case.images[light].copy()
    thickness = max(1, image.shape[0] // 240)
    truth = np.array([each.box for each in case.truths], np.float32).reshape(-1, 4)
    kept = found[found.confidence >= score] if found.confidence is not None and len(found) else Detections.empty()
    for boxes, colour in (
        (truth, Color(60, 200, 60)),
        (kept.xyxy if isinstance(kept, Detections) else truth[:0], Color(255, 120, 0)),
    ):
        marks = Detections(boxes.astype(np.float32), class_id=np.zeros(len(boxes), np.int64))
        image = BoxAnnotator(colour, thickness=thickness).annotate(image, marks)
    cell = cv2.resize(image, CELL, interpolation=cv2.INTER_AREA)
    cv2.putText(
        cell,
        f"{case.name} {case.kind}: {light}",
        (6, CELL[1] - 8),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.4,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
    return np.asarray(cell, np.uint8)
