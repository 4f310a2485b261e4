"""Report of a scenario: README.md, scenario.json, timeline.png, pictures.jpg."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from davy_demo.scenario.bad_models import CAUGHT_BY
from davy_demo.scenario.comparison import Comparison
from davy_demo.scenario.setup import CHANGED
from davy_demo.scenario.steps import Outcome
from davy_demo.scenario.timeline import Timeline

COLOURS = ("#c8501e", "#3a6ea5", "#5a8f4a")
LABELS = ("raw", "the running model", "the new model", "ground truth")
GAIN_DB, LOSS_DB, CAUGHT_S = 1.0, -0.2, 60.0  # acceptance limits


@dataclass(frozen=True, slots=True)
class Check:
    """Result of one acceptance check."""

    title: str
    found: str
    wanted: str
    passed: bool


def checks(outcome: Outcome, comparisons: Sequence[Comparison]) -> list[Check]:
    """Evaluate the acceptance checks."""
    found = []
    for place in comparisons:
        changed = place.place == CHANGED[1]
        wanted = f"at least +{GAIN_DB:g} dB" if changed else f"loss of at most {-LOSS_DB:g} dB"
        passed = place.gain_db >= (GAIN_DB if changed else LOSS_DB)
        found.append(Check(f"{place.place}: PSNR, new model over old", f"{place.gain_db:+.2f} dB", wanted, passed))
    lost = [edge["figures"].get("frames-lost", math.nan) for edge in outcome.rollout.get("edges", [])]
    found.append(
        Check("frames lost by a swap, per edge", str(max(lost, default=math.nan)), "at most 1", bool(lost) and max(lost) <= 1)
    )
    for kind, end in outcome.bad.items():
        touched = len(end["others-touched"])
        words = f"{end['state']} after {end['seconds']:.0f} s ({', '.join(end['causes'])}), {touched} other edges affected"
        in_time = end["state"] == "rolled-back" and end["seconds"] <= CAUGHT_S
        passed = in_time and not touched and end["causes"] == [CAUGHT_BY[kind]]
        wanted = f"rolled back by {CAUGHT_BY[kind]} within {CAUGHT_S:.0f} s, no other edge affected"
        found.append(Check(f"bad model: {kind}", words, wanted, passed))
    return found


def write_report(
    out: Path, timeline: Timeline, outcome: Outcome, comparisons: Sequence[Comparison], live: Mapping[str, tuple[float, float]]
) -> list[Check]:
    """Write the report to the folder `out`. live: PSNR of delivered pictures before and after in dB, by camera."""
    out.mkdir(parents=True, exist_ok=True)
    found = checks(outcome, comparisons)
    _plot(out / "timeline.png", timeline)
    _sheet(out / "pictures.jpg", comparisons)
    timeline.save(out / "scenario.json", {
        "checks": [[check.title, check.found, check.wanted, check.passed] for check in found],
        "comparisons": {each.place: each.figures() for each in comparisons},
        "delivered": dict(live),
        "run": dict(outcome.run),
        "bad": outcome.bad,
    })  # fmt: skip
    (out / "README.md").write_text(_page(timeline, found, comparisons, live), encoding="utf-8")
    return found


_INTRODUCTION = """# The retraining loop: one scenario on the simulated mine

`davy demo scenario` (`make story`) writes this page. It runs three edges and every service, including training, over real
sockets. The gallery's light changes, its drift rises, a training run starts, and the new model rolls out to a canary and
then to all edges. Nobody intervenes. Three bad models with valid signatures follow, each made from the running model.
"""
_PSNR = """## PSNR against the ground truth, dB

*Gain* compares both models on the same twelve instants of each place after the change; the checks use it. *Delivered*
pictures are those of a subscriber before and after the new model, at different instants.

| place | raw | running model | new model | gain | delivered before | after |
| :--- | ---: | ---: | ---: | ---: | ---: | ---: |"""


def _page(
    timeline: Timeline, found: Sequence[Check], comparisons: Sequence[Comparison], live: Mapping[str, tuple[float, float]]
) -> str:
    lines = [
        _INTRODUCTION,
        "| check | found | wanted |  |",
        "| :--- | ---: | ---: | ---: |",
        *(f"| {c.title} | {c.found} | {c.wanted} | {'PASS' if c.passed else '**short**'} |" for c in found),
        "\n![timeline](timeline.png)\n\n## Events\n\n|  | s | event |\n| ---: | ---: | :--- |",
        *(f"| {number} | {at:.0f} | {text} |" for number, (at, text) in enumerate(timeline.events, 1)),
        "",
        _PSNR,
        *(_row(each, live) for each in comparisons),
        "\n![raw, running model, new model, ground truth](pictures.jpg)\n",
    ]
    return "\n".join(lines)


def _row(each: Comparison, live: Mapping[str, tuple[float, float]]) -> str:
    before, after = next((pair for name, pair in live.items() if name.endswith(f".{each.place}")), (math.nan, math.nan))
    figures = f"{each.raw_db:.2f} | {each.old_db:.2f} | {each.new_db:.2f} | {each.gain_db:+.2f} | {before:.2f} | {after:.2f}"
    return f"| {each.place} | {figures} |"


def _plot(path: Path, timeline: Timeline) -> None:
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for colour, name in zip(COLOURS, sorted({each.camera for each in timeline.observations}), strict=False):
        found = [each for each in timeline.observations if each.camera == name]
        times = [each.at for each in found]
        drifts = [each.drift if each.drift is not None else math.nan for each in found]
        above.plot(times, drifts, color=colour, label=name)
        below.plot(times, [each.psnr_db for each in found], color=colour, label=name)
    above.axhline(1, color="black", linewidth=0.8, linestyle="--")
    above.set_ylabel("drift (1: a clear change)")
    below.set_ylabel("PSNR of delivered pictures / dB")
    below.set_xlabel("s since the scenario began")
    for number, (at, _) in enumerate(timeline.events, 1):
        for axes in (above, below):
            axes.axvline(at, color="#999999", linewidth=0.7)
        above.annotate(str(number), (at, 1), xycoords=("data", "axes fraction"), fontsize=7, ha="center", va="bottom")
    above.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=110)


def _sheet(path: Path, comparisons: Sequence[Comparison]) -> None:
    rows = [np.hstack(each.pictures) for each in comparisons]
    sheet = cv2.resize(np.vstack(rows), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    head = np.full((24, sheet.shape[1], 3), 255, np.uint8)
    for index, label in enumerate(LABELS):
        at = (index * sheet.shape[1] // len(LABELS) + 6, 17)
        cv2.putText(head, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(path), np.vstack([head, sheet]), [cv2.IMWRITE_JPEG_QUALITY, 88])
