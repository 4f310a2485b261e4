"""The story as a page with plots: README.md, story.json, timeline.png, pictures.jpg."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure

from davy_demo.scenario.bad_models import CAUGHT_BY
from davy_demo.scenario.comparison import Judged
from davy_demo.scenario.setup import CHANGED
from davy_demo.scenario.steps import Told
from davy_demo.scenario.timeline import Diary

COLOURS = ("#c8501e", "#3a6ea5", "#5a8f4a")
LABELS = ("raw", "the running model", "the new model", "evenly lit truth")
GAIN_DB, LOSS_DB, CAUGHT_S = 1.0, -0.2, 60.0  # what must be seen


@dataclass(frozen=True, slots=True)
class Check:
    """One line of what must be seen."""

    what: str
    found: str
    wanted: str
    passed: bool


def checks(told: Told, judged: Sequence[Judged]) -> list[Check]:
    """What must be seen, and whether it was."""
    found = []
    for place in judged:
        changed = place.place == CHANGED[1]
        wanted = f"at least +{GAIN_DB:g} dB" if changed else f"at most {-LOSS_DB:g} dB lost"
        passed = place.gain_db >= (GAIN_DB if changed else LOSS_DB)
        found.append(Check(f"{place.place}: PSNR, new model over old", f"{place.gain_db:+.2f} dB", wanted, passed))
    lost = [edge["figures"].get("frames-lost", math.nan) for edge in told.rollout.get("edges", [])]
    found.append(
        Check(
            "frames lost across a swap, per edge", str(max(lost, default=math.nan)), "at most 1", bool(lost) and max(lost) <= 1
        )
    )
    for kind, end in told.bad.items():
        touched = len(end["others-touched"])
        words = f"{end['state']} after {end['seconds']:.0f} s ({', '.join(end['causes'])}), {touched} others touched"
        in_time = end["state"] == "rolled-back" and end["seconds"] <= CAUGHT_S
        passed = in_time and not touched and end["causes"] == [CAUGHT_BY[kind]]
        wanted = f"rolled back by {CAUGHT_BY[kind]} within {CAUGHT_S:.0f} s, none touched"
        found.append(Check(f"a bad model: {kind}", words, wanted, passed))
    return found


def write_report(
    out: Path, diary: Diary, told: Told, judged: Sequence[Judged], live: Mapping[str, tuple[float, float]]
) -> list[Check]:
    """Everything into the folder `out`; live: PSNR of delivered pictures before and after, dB, by camera."""
    out.mkdir(parents=True, exist_ok=True)
    found = checks(told, judged)
    _plot(out / "timeline.png", diary)
    _sheet(out / "pictures.jpg", judged)
    diary.save(out / "story.json", {
        "checks": [[check.what, check.found, check.wanted, check.passed] for check in found],
        "judged": {each.place: {"raw_db": each.raw_db, "old_db": each.old_db, "new_db": each.new_db} for each in judged},
        "delivered": dict(live),
        "run": dict(told.run),
        "bad": told.bad,
    })  # fmt: skip
    (out / "README.md").write_text(_page(diary, found, judged, live), encoding="utf-8")
    return found


_INTRODUCTION = """# The loop closes: one story on the simulated mine

Written by `davy mine story` (`make story`): a mine of three edges in one process, over real sockets, with the training
service beside it. Nobody presses a button: the gallery's light changes, its edge's drift rises, a run starts, the new
model goes to a canary and on; then three bad models with valid signatures go out, each made from the model that runs.
"""
_PSNR = """## PSNR against the evenly lit truth, dB

*Same instants*: both models on the same twelve moments of each place, as its camera sees it after the change; this is
judged. *Delivered*: pictures as a subscriber got them before and after the new model; who walked by differs.

| place | raw | running model | new model | gain | delivered before | after |
| :--- | ---: | ---: | ---: | ---: | ---: | ---: |"""


def _page(diary: Diary, found: Sequence[Check], judged: Sequence[Judged], live: Mapping[str, tuple[float, float]]) -> str:
    lines = [
        _INTRODUCTION,
        "| what | found | wanted |  |",
        "| :--- | ---: | ---: | ---: |",
        *(f"| {c.what} | {c.found} | {c.wanted} | {'PASS' if c.passed else '**short**'} |" for c in found),
        "\n![timeline](timeline.png)\n\n## What happened\n\n|  | s | event |\n| ---: | ---: | :--- |",
        *(f"| {number} | {at:.0f} | {what} |" for number, (at, what) in enumerate(diary.events, 1)),
        "",
        _PSNR,
        *(_row(each, live) for each in judged),
        "\n![raw, running model, new model, truth](pictures.jpg)\n",
    ]
    return "\n".join(lines)


def _row(each: Judged, live: Mapping[str, tuple[float, float]]) -> str:
    before, after = next((pair for name, pair in live.items() if name.endswith(f".{each.place}")), (math.nan, math.nan))
    figures = f"{each.raw_db:.2f} | {each.old_db:.2f} | {each.new_db:.2f} | {each.gain_db:+.2f} | {before:.2f} | {after:.2f}"
    return f"| {each.place} | {figures} |"


def _plot(path: Path, diary: Diary) -> None:
    figure = Figure(figsize=(10, 6.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    for colour, name in zip(COLOURS, sorted({look.camera for look in diary.looks}), strict=False):
        looks = [look for look in diary.looks if look.camera == name]
        above.plot(
            [look.at for look in looks],
            [look.drift if look.drift is not None else math.nan for look in looks],
            color=colour,
            label=name,
        )
        below.plot([look.at for look in looks], [look.psnr_db for look in looks], color=colour, label=name)
    above.axhline(1, color="black", linewidth=0.8, linestyle="--")
    above.set_ylabel("drift (1: a clear change)")
    below.set_ylabel("PSNR of delivered pictures / dB")
    below.set_xlabel("s since the story began")
    for number, (at, _) in enumerate(diary.events, 1):
        for axes in (above, below):
            axes.axvline(at, color="#999999", linewidth=0.7)
        above.annotate(str(number), (at, 1), xycoords=("data", "axes fraction"), fontsize=7, ha="center", va="bottom")
    above.legend(loc="upper left", fontsize=8)
    figure.savefig(path, dpi=110)


def _sheet(path: Path, judged: Sequence[Judged]) -> None:
    rows = [np.hstack(each.pictures) for each in judged]
    sheet = cv2.resize(np.vstack(rows), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    head = np.full((24, sheet.shape[1], 3), 255, np.uint8)
    for index, label in enumerate(LABELS):
        at = (index * sheet.shape[1] // len(LABELS) + 6, 17)
        cv2.putText(head, label, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.imwrite(str(path), np.vstack([head, sheet]), [cv2.IMWRITE_JPEG_QUALITY, 88])
