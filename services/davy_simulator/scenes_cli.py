"""`davy mine scenes`: what the cameras of many mines see, its evenly lit truth and its depth, to train on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from davy.domain.errors import InvalidInputError
from davy.imaging.iqa.seeds import TRAINING_BELOW
from davy_simulator.places import PLACES, Place
from davy_simulator.render import Renderer
from davy_simulator.variety import varied

EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01: the same command draws the same file on any day
AVERAGED = 2  # every second scene is rendered so many times larger and averaged: a larger camera's noise


def scenes(
    out: Annotated[Path, typer.Argument(help="Folder for low/ and high/, with NAME.depth.png (16 bit, mm) in high/.")],
    seeds: Annotated[str, typer.Option(help="First and last mine, as 100-149.")] = "100-149",
    frames: Annotated[int, typer.Option(help="Of each place of each mine.", min=1)] = 2,
    every: Annotated[float, typer.Option(help="Seconds between two frames.", min=0.01)] = 17.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT.")] = "384x216",
    usual: Annotated[float, typer.Option(help="Share of mines whose places are as they are watched.", min=0, max=1)] = 0.25,
) -> None:
    """Pairs of many mines: the four places with other lamps, air and cameras, in noise of two strengths."""
    try:
        count = _write_scenes(out, seeds, frames, every, size, usual)
    except InvalidInputError as error:
        typer.echo(f"davy mine: {error}", err=True)
        raise typer.Exit(2) from error
    print(f"{out}: {count} scenes")


def _write_scenes(out: Path, seeds: str, frames: int, every: float, size: str, usual: float) -> int:
    first, _, last = seeds.partition("-")
    width, _, height = size.partition("x")
    if not all(word.isdecimal() for word in (first, last, width, height)):
        raise InvalidInputError(f"seeds {seeds!r} and size {size!r} are written as 100-149 and 384x216")
    if int(last) >= TRAINING_BELOW:
        raise InvalidInputError(f"seed {last} is none to train on: take seeds below {TRAINING_BELOW}")
    for folder in ("low", "high"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    count = 0
    for seed in range(int(first), int(last) + 1):
        for name, low, high, depth in _scenes(seed, frames, every, (int(width), int(height)), usual):
            _write(out / "low" / f"{name}.png", low)
            _write(out / "high" / f"{name}.png", high)
            _write(out / "high" / f"{name}.depth.png", depth)
            count += 1
    return count


Scene = tuple[str, NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint16]]


def _scenes(seed: int, frames: int, every: float, size: tuple[int, int], usual: float) -> Iterator[Scene]:
    rng = np.random.default_rng((seed, 31))
    for index, place in enumerate(PLACES.values()):
        shown: Place = place if rng.random() < usual else varied(place, seed)
        factor = AVERAGED if (seed + index) % 2 else 1
        renderer = Renderer(shown, (size[0] * factor, size[1] * factor), seed)
        start = float(rng.uniform(0, every))
        for t_s in (start + every * k for k in range(frames)):
            now_ns = EPOCH_NS + round(t_s * 1e9)
            low, high, depth = renderer.raw(t_s, now_ns), renderer.truth(t_s, now_ns), renderer.depth(t_s)
            low, high, depth = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (low, high, depth))
            millimetres = (depth * 1000).clip(0, 65535).astype(np.uint16)
            yield f"{place.name}-{seed}__{t_s:08.2f}", np.asarray(low, np.uint8), np.asarray(high, np.uint8), millimetres


def _write(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
