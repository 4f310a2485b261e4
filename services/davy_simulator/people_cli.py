"""`davy simulator people`: frames of many mines with the true boxes of people, as a COCO data set."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from davy.domain.errors import InvalidInputError
from davy.domain.frame import BgrImage
from davy.imaging.iqa.seeds import EVALUATION_FROM, TRAINING_BELOW
from davy.imaging.runtime import StillEnhancer
from davy_simulator.change import Change
from davy_simulator.people import PersonBox
from davy_simulator.places import PLACES
from davy_simulator.render import Renderer
from davy_simulator.variety import peopled, varied

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01: the same command draws the same file on any day
LIGHTS = ("raw", "enhanced", "even")
QUALITY = (55, 92)  # of JPEG; drawn per scene
DIM = (0.06, 0.5)  # factors on the power of lamps; the camera keeps its exposure, as it was at its limit
USUAL_SHARE = 0.25  # of mines whose places have their usual light and cameras


@dataclass(frozen=True, slots=True)
class Scene:
    """One instant of one place in the three lights."""

    name: str
    place: str
    seed: int
    images: dict[str, BgrImage]
    people: list[PersonBox]
    quality: int


def people(
    out: Annotated[Path, typer.Argument(help="Output folder for raw/, enhanced/, even/ and annotations.json.")],
    seeds: Annotated[str, typer.Option(help="First and last mine, as 100-149; from 500 on only to compare.")] = "100-149",
    frames: Annotated[int, typer.Option(help="Number of frames per place and mine.", min=1)] = 3,
    every: Annotated[float, typer.Option(help="Seconds between two frames.", min=0.01)] = 13.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT in pixels.")] = "640x360",
    dim: Annotated[
        float, typer.Option(help="Share of places whose lamps are dimmed below the camera's exposure.", min=0, max=1)
    ] = 0.25,
    model: Annotated[Path | None, typer.Option(help="ONNX file of the enhancer. Default: the shipped one.")] = None,
) -> None:
    """Write frames of varied mines with true boxes of people: raw, enhanced and evenly lit."""
    try:
        count = write_people(out, seeds, frames, every, size, StillEnhancer(model), dim)
    except InvalidInputError as error:
        typer.echo(f"davy simulator: {error}", err=True)
        raise typer.Exit(2) from error
    print(f"{out}: {count} scenes")


def write_people(
    out: Path, seeds: str, frames: int, every: float, size: str, enhancer: StillEnhancer, dim: float = 0.25
) -> int:
    """Write the scenes of mines to train on or to compare on, and their annotations; return the number of scenes.

    Raises:
        InvalidInputError: a word is malformed, or a seed is kept for evaluation.
    """
    first, _, last = seeds.partition("-")
    width, _, height = size.partition("x")
    if not all(word.isdecimal() for word in (first, last, width, height)):
        raise InvalidInputError(f"seeds {seeds!r} and size {size!r} are written as 100-149 and 640x360")
    if int(last) >= EVALUATION_FROM or int(first) < TRAINING_BELOW <= int(last):
        where = f"seeds below {TRAINING_BELOW}, or from there to {EVALUATION_FROM - 1} to compare on"
        raise InvalidInputError(f"seeds {seeds} are none to train on: take {where}")
    for light in LIGHTS:
        (out / light).mkdir(parents=True, exist_ok=True)
    images: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for seed in range(int(first), int(last) + 1):
        for scene in scenes_of(seed, frames, every, (int(width), int(height)), enhancer, dim):
            _write(out, scene)
            _annotate(scene, images, boxes)
    categories = [{"id": 1, "name": "person"}]
    text = json.dumps({"images": images, "annotations": boxes, "categories": categories}, separators=(",", ":"))
    (out / "annotations.json").write_text(text)
    return len(images) // len(LIGHTS)


def scenes_of(
    seed: int, frames: int, every: float, size: tuple[int, int], enhancer: StillEnhancer, dim: float
) -> Iterator[Scene]:
    """Scenes of the four places of one mine."""
    rng = np.random.default_rng((seed, 47))
    for place in PLACES.values():
        lit = place if rng.random() < USUAL_SHARE else varied(place, seed)
        renderer = Renderer(peopled(lit, seed), size, seed)
        if rng.random() < dim:
            change = Change(dim=float(np.exp(rng.uniform(*np.log(DIM)))))
            renderer = Renderer(change.of(renderer.place), size, seed, renderer.gain)
        start = float(rng.uniform(0, every))
        for t_s in (start + every * k for k in range(frames)):
            now_ns = EPOCH_NS + round(t_s * 1e9)
            raw = renderer.raw(t_s, now_ns)
            images = {"raw": raw, "enhanced": enhancer.enhance(raw), "even": renderer.truth(t_s, now_ns)}
            quality = int(rng.integers(*QUALITY))
            yield Scene(f"{place.name}-{seed}-{t_s:07.2f}", place.name, seed, images, renderer.people(t_s), quality)


def _write(out: Path, scene: Scene) -> None:
    for light, image in scene.images.items():
        encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, scene.quality])[1]
        (out / light / f"{scene.name}.jpg").write_bytes(encoded.tobytes())


def _annotate(scene: Scene, images: list[dict[str, Any]], boxes: list[dict[str, Any]]) -> None:
    for light, image in scene.images.items():
        height, width = image.shape[:2]
        number = len(images) + 1
        images.append({"id": number, "file_name": f"{light}/{scene.name}.jpg", "width": width, "height": height})
        for person in scene.people:
            left, top, right, bottom = person.box
            size = (right - left, bottom - top)
            boxes.append(
                {
                    "id": len(boxes) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [left, top, *size],
                    "area": size[0] * size[1],
                    "iscrowd": 0,
                    "visible": round(person.visible, 3),
                }
            )
