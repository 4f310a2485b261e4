"""Pictures with true boxes: the simulated mine of unseen seeds, or a folder with COCO or VOC annotations."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from defusedxml import ElementTree

from davy.adapters.media import jpeg
from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.iqa.seeds import check_evaluation_seeds
from davy.imaging.runtime import StillEnhancer
from davy_bench.quality.scores import ProgressCallback
from davy_simulator.change import Change
from davy_simulator.people import PersonBox
from davy_simulator.places import PLACES
from davy_simulator.render import Renderer
from davy_simulator.variety import peopled, varied

USUAL, OTHER, DIM = "usual light", "other lamps and cameras", "dark"
DIMMED = Change(dim=0.12)  # lamps three stops down; the camera keeps its exposure, as it was at its limit
RAW, ENHANCED, EVEN = "raw", "enhanced", "evenly lit"
EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01: the same command measures the same pictures on any day
EVERY_S = 11.0
MIN_VISIBLE = 0.3  # share of a person; less is neither wanted nor punished
T = TypeVar("T")
DETECTOR_PX = 416  # longer side of what the shipped detector looks at; heights are measured there


@dataclass(frozen=True, slots=True)
class Truth:
    """One person.

    Args:
        box: Left, top, right, bottom, px.
        height_px: Height in a picture whose longer side is DETECTOR_PX.
        visible: Share that is not hidden.
    """

    box: tuple[float, float, float, float]
    height_px: float
    visible: float


@dataclass(frozen=True, slots=True)
class PeopleCase:
    """One instant of one place in several lights, with everybody in it; kind tells how its lamps burn."""

    name: str
    group: str
    kind: str
    images: dict[str, BgrImage]
    truths: Sequence[Truth]


def simulated(
    seeds: Sequence[int], frames: int, size: tuple[int, int], enhancer: StillEnhancer, progress: ProgressCallback
) -> Iterator[PeopleCase]:
    """Every place of every mine three times: in its usual light, with other lamps, air and camera, and with dimmed lamps.

    People differ by seed.

    Raises:
        ConfigError: a seed may be one of the training.
    """
    chosen = check_evaluation_seeds(seeds)
    total, done = len(chosen) * len(PLACES) * 3, 0
    for seed in chosen:
        for place in PLACES.values():
            for kind, lit in ((USUAL, place), (OTHER, varied(place, seed)), (DIM, place)):
                renderer = Renderer(peopled(lit, seed), size, seed)
                if kind == DIM:
                    renderer = Renderer(DIMMED.of(renderer.place), size, seed, renderer.gain)
                for k in range(frames):
                    t_s = seed % 7 + EVERY_S * k
                    now_ns = EPOCH_NS + round(t_s * 1e9)
                    raw = jpeg.encode(renderer.raw(t_s, now_ns))
                    enhanced = jpeg.encode(enhancer.enhance(renderer.raw(t_s, now_ns)))  # an edge enhances before it encodes
                    images = {RAW: jpeg.decode(raw), ENHANCED: jpeg.decode(enhanced), EVEN: renderer.truth(t_s, now_ns)}
                    truths = [_truth(person, size) for person in renderer.people(t_s)]
                    yield PeopleCase(f"{place.name} {seed} {t_s:.0f}s", place.name, kind, images, truths)
                progress(done := done + 1, total)


def folder_cases(folder: Path, enhancer: StillEnhancer) -> Iterator[PeopleCase]:
    """Pictures of a folder with annotations.json (COCO) or an XML file of each picture (VOC); people only.

    Raises:
        ConfigError: there are no annotations, or a file is malformed.
    """
    found = _coco(folder) if (folder / "annotations.json").exists() else _voc(folder)
    if not found:
        raise ConfigError(f"{folder} holds neither annotations.json (COCO) nor PICTURE.xml files (VOC)")
    for path, boxes in found:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR) if path.exists() else None
        if image is None:
            raise ConfigError(f"{path}: the annotations name it, but it cannot be read")
        raw = np.asarray(image, np.uint8)
        people = [PersonBox(box, box[3] - box[1], visible, True, 0) for box, visible in boxes]
        images = {RAW: raw, ENHANCED: enhancer.enhance(raw)}
        yield PeopleCase(path.name, path.parent.name, "", images, [_truth(person, raw.shape[1::-1]) for person in people])


Annotated = list[tuple[Path, list[tuple[tuple[float, float, float, float], float]]]]


def _coco(folder: Path) -> Annotated:
    def read() -> Annotated:
        stored = json.loads((folder / "annotations.json").read_text())
        people = {each["id"] for each in stored["categories"] if each["name"].lower() == "person"}
        found: Annotated = []
        for image in stored["images"]:
            mine = [each for each in stored["annotations"] if each["image_id"] == image["id"] and each["category_id"] in people]
            corners = [(_corners(each["bbox"]), 0.0 if each.get("iscrowd") else each.get("visible", 1.0)) for each in mine]
            found.append((folder / image["file_name"], corners))
        return found

    return _reading(folder / "annotations.json", read)


def _voc(folder: Path) -> Annotated:
    return [_reading(path, partial(_voc_file, path)) for path in sorted(folder.rglob("*.xml"))]


def _voc_file(path: Path) -> tuple[Path, list[tuple[tuple[float, float, float, float], float]]]:
    root = ElementTree.parse(path).getroot()
    boxes = []
    for each in root.iter("object"):
        if (each.findtext("name") or "").lower() == "person":
            left, top, right, bottom = (
                float(each.findtext(f"bndbox/{side}") or "") for side in ("xmin", "ymin", "xmax", "ymax")
            )
            boxes.append(((left, top, right, bottom), 0.0 if each.findtext("difficult") == "1" else 1.0))
    return path.parent / (root.findtext("filename") or path.with_suffix(".jpg").name), boxes


def _reading(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except (OSError, ValueError, KeyError, TypeError, ElementTree.ParseError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error


def _corners(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, width, height = bbox
    return left, top, left + width, top + height


def _truth(person: PersonBox, size: tuple[int, ...]) -> Truth:
    return Truth(person.box, person.height_px * DETECTOR_PX / max(size), person.visible)
