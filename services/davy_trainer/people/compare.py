"""Comparison of a new detector with the running one on simulated places that no training saw."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from supervision import Detections

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.detect import OnnxDetector, read_spec
from davy.imaging.detect.precision import precision_recall
from davy_trainer.data.photographs import read_bgr
from davy_trainer.evaluation.sheet import Row, sheet, write_png
from davy_trainer.evaluation.summary import titles
from davy_trainer.people.data import Labelled, read_folder

PERSON, LIGHTS = "person", ("raw", "enhanced")
PRECISION = 0.9  # at which the recall counts
LOW_SCORE = 0.02  # below every threshold: the curve needs them all
MIN_VISIBLE, MIN_HEIGHT_PX, LONG_SIDE_PX = 0.3, 24.0, 416  # people who count, in a picture of this longer side
TIMED, ROWS = 40, 6  # looks that are timed; rows of the sheet
Figures = dict[str, float]


def compare_people(new: Path, running: Path, folders: Sequence[Path], out: Path) -> Figures:
    """Write compare.png (running | new) and then compare.json, a flat table, to the folder out.

    Figures: ap50-LIGHT and recall-LIGHT (at a precision of 0.9) for raw and enhanced frames, look-ms (p95 of one look) and
    size-bytes. NAME-running is the figure of the running detector.

    Raises:
        ConfigError: the folders hold no person.
        ModelError: a file is no detector, or fails on a picture.
    """
    labelled = [each for folder in folders for each in read_folder(folder) if each.path.parent.name in LIGHTS]
    if not any(len(each.boxes) for each in labelled):
        raise ConfigError(f"{', '.join(map(str, folders))}: no person to compare on")
    found: Figures = {}
    shown: list[list[BgrImage]] = []
    for suffix, path in (("", new), ("-running", running)):
        detector = OnnxDetector(path, read_spec(path).model_copy(update={"score": LOW_SCORE}))
        figures, pictures = _measure(detector, labelled, read_spec(path).score)
        found |= {f"{name}{suffix}": value for name, value in figures.items()}
        found[f"size-bytes{suffix}"] = float(path.stat().st_size)
        shown.append(pictures)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = [[before, after] for after, before in zip(*shown, strict=True)]
    write_png(out / "compare.png", np.vstack([titles(["running", "new"]), sheet(rows)]))
    write_atomic(out / "compare.json", (json.dumps(found, indent=1, allow_nan=False) + "\n").encode())
    return found


def _measure(detector: OnnxDetector, labelled: Sequence[Labelled], score: float) -> tuple[Figures, list[BgrImage]]:
    answers: dict[str, list[tuple[list[tuple[Sequence[float], bool]], Detections]]] = {light: [] for light in LIGHTS}
    times_s: list[float] = []
    drawn: list[BgrImage] = []
    for each in labelled:
        image = read_bgr(each.path)
        began_s = time.perf_counter()
        found = _people(detector.detect(image))
        times_s.append(time.perf_counter() - began_s)
        scale = LONG_SIDE_PX / max(image.shape[:2])
        wanted = (each.visible >= MIN_VISIBLE) & ((each.boxes[:, 3] - each.boxes[:, 1]) * scale >= MIN_HEIGHT_PX)
        truths = [(box.tolist(), bool(counts)) for box, counts in zip(each.boxes, wanted, strict=True)]
        answers[each.path.parent.name].append((truths, found))
        if len(drawn) < ROWS and wanted.any():
            drawn.append(_drawn(image, found, score))
    figures: Figures = {"look-ms": round(1000 * float(np.percentile(times_s[1 : TIMED + 1] or times_s, 95)), 3)}
    for light, pictures in answers.items():
        curve = precision_recall(pictures)
        figures |= {f"ap50-{light}": round(curve.ap50, 4), f"recall-{light}": round(curve.recall_at(PRECISION), 4)}
    return figures, drawn


def _people(found: Detections) -> Detections:
    kept = found[found.data["class_name"] == PERSON] if len(found) else found
    return kept if isinstance(kept, Detections) else Detections.empty()


def _drawn(image: BgrImage, found: Detections, score: float) -> BgrImage:
    picture = image.copy()
    for box, each in zip(found.xyxy, [] if found.confidence is None else found.confidence, strict=True):
        if each >= score:
            left, top, right, bottom = (round(float(side)) for side in box)
            cv2.rectangle(picture, (left, top), (right, bottom), (80, 220, 255), 2)
    return picture
