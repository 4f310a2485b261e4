"""`davy simulator`: serve the cameras of the simulated mine, or render them with their ground truth."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from davy.domain.errors import ConfigError, DavyError, InvalidInputError
from davy.domain.frame import BgrImage
from davy.service_command import chosen, reachable, reporting_errors, run_until_signal
from davy.site_options import LogStyleOption
from davy.telemetry import configure_logging
from davy_simulator.app import serve as serve_cameras
from davy_simulator.people_cli import people
from davy_simulator.scenes_cli import scenes
from davy_simulator.settings import SimulatorSettings
from davy_simulator.video import write_mp4
from davy_simulator.world import Mine

app = typer.Typer(
    help="Serve or render the cameras of the simulated mine.",
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
View = Literal["raw", "truth", "both"]
app.command()(scenes)
app.command()(people)
RENDER_EPOCH_NS = 1_767_225_600_000_000_000  # 2026-01-01: the same command draws the same file on any day


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0: all.")] = None,
    port: Annotated[int | None, typer.Option(help="HTTP port; 0 chooses a free one.", min=0, max=65535)] = None,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT, up to 1920x1080.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames per second.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulated mine.")] = None,
    onvif: Annotated[bool | None, typer.Option(help="Also be an ONVIF device that a search of the network finds.")] = None,
    log_style: LogStyleOption = "json",
) -> None:
    """Serve the cameras as network cameras: http://HOST:PORT/gallery.mjpeg, /gallery.jpg and so on."""
    configure_logging(log_style)
    with reporting_errors("simulator"):
        try:
            width, height = _size(size) if size else (None, None)
            given: dict[str, Any] = {"host": host, "port": port, "fps": fps, "seed": seed, "width": width, "height": height}
            settings = SimulatorSettings(**chosen(given | {"onvif": onvif}))

            def print_address(port: int) -> None:
                print(f"cameras  http://{reachable(settings.host)}:{port}/", flush=True)

            asyncio.run(run_until_signal("simulator", serve_cameras(settings, print_address)))
        except DavyError as error:  # its invalid arguments count as configuration
            raise _failed(error) from error


@app.command()
def render(
    out: Annotated[Path, typer.Argument(help="A .mp4 or .png file, or a folder for PNG pairs of raw and ground truth.")],
    place: Annotated[str, typer.Option(help="Camera: gallery, face, conveyor or junction.")] = "gallery",
    seconds: Annotated[float, typer.Option(help="Length of the video or the sequence.", min=0)] = 10.0,
    start: Annotated[float, typer.Option(help="Time of the first frame on the simulator's clock, s.")] = 0.0,
    fps: Annotated[float, typer.Option(help="Frames per second.", min=0.01, max=60)] = 10.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT, up to 1920x1080.")] = "1280x720",
    view: Annotated[View, typer.Option(help="View in a .mp4 or .png: raw, ground truth, or both next to each other.")] = "raw",
    seed: Annotated[int, typer.Option(help="Seed of the simulated mine.")] = 7,
) -> None:
    """Render a camera, or its evenly lit ground truth, to files."""
    try:
        mine, shape = Mine(seed, RENDER_EPOCH_NS), _size(size)
        times = [start + index / fps for index in range(max(round(seconds * fps), 1))]
        if out.suffix == ".mp4":
            panes = 2 if view == "both" else 1
            frames = (_picture(mine, place, t_s, shape, view) for t_s in times)
            print(f"{out}: {write_mp4(out, frames, fps, (panes * shape[0], shape[1]))} frames")
        elif out.suffix == ".png":
            _save(out, _picture(mine, place, start, shape, view))
            print(out)
        elif out.suffix:
            raise InvalidInputError(f"{out}: use a name that ends in .mp4 or .png, or a folder")
        else:
            for path in _pairs(out, mine, place, times, shape):
                print(path)
    except DavyError as error:
        raise _failed(error) from error


@app.command()
def pairs(
    out: Annotated[Path, typer.Argument(help="Output folder of low/ and high/.")],
    seeds: Annotated[str, typer.Option(help="Seeds of the mines: 3 or 3,4,5 or 3-5.")] = "7",
    frames: Annotated[int, typer.Option(help="Frames per camera and mine.", min=1)] = 6,
    every: Annotated[float, typer.Option(help="Seconds between two frames.", min=0.01)] = 20.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT, up to 1920x1080.")] = "640x360",
) -> None:
    """Render pairs for training and validation: raw pictures to OUT/low, their ground truth to OUT/high."""
    try:
        shape = _size(size)
        for seed in _seeds(seeds):
            mine = Mine(seed, RENDER_EPOCH_NS)
            for place in mine.places:
                for path in _low_high(out, mine, place, [every * k for k in range(frames)], shape):
                    print(path)
    except DavyError as error:
        raise _failed(error) from error


@app.command()
def truths(
    out: Annotated[Path, typer.Argument(help="Output folder of NAME.png and NAME.depth.png (16 bit, mm).")],
    seeds: Annotated[str, typer.Option(help="Seeds of the mines: 3 or 3,4,5 or 3-5.")] = "7",
    frames: Annotated[int, typer.Option(help="Frames per camera and mine.", min=1)] = 2,
    every: Annotated[float, typer.Option(help="Seconds between two frames.", min=0.01)] = 20.0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT, up to 1920x1080.")] = "640x360",
) -> None:
    """Render ground truth with depth maps: well-lit pictures that training relights by their geometry."""
    try:
        shape = _size(size)
        _make_folder(out)
        for seed in _seeds(seeds):
            mine = Mine(seed, RENDER_EPOCH_NS)
            for place in mine.places:
                for t_s in (every * k for k in range(frames)):
                    name = f"{place}-{seed}-{t_s:08.2f}"
                    _save(out / f"{name}.depth.png", (mine.depth(place, t_s, shape) * 1000).clip(0, 65535).astype(np.uint16))
                    print(_save(out / f"{name}.png", mine.truth(place, t_s, shape)))
    except DavyError as error:
        raise _failed(error) from error


def _low_high(out: Path, mine: Mine, place: str, times: list[float], size: tuple[int, int]) -> Iterator[Path]:
    """Write low/ and high/<place>-<seed>__<time>.png; the part before __ names the recording."""
    for t_s in times:
        name = f"{place}-{mine.seed}__{t_s:08.2f}.png"
        for folder, image in (("low", mine.render(place, t_s, size)), ("high", mine.truth(place, t_s, size))):
            _make_folder(out / folder)
            yield _save(out / folder / name, image)


def _seeds(text: str) -> list[int]:
    ends = [word.split("-", 1) for word in text.split(",")]
    if not all(part.isdecimal() for end in ends for part in end):
        raise InvalidInputError(f"seeds {text!r} are not integers: write 3 or 3,4,5 or 3-5")
    return [seed for first, *last in ends for seed in range(int(first), int(last[0] if last else first) + 1)]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInputError(f"{folder} cannot be made: {error}") from error


def _pairs(folder: Path, mine: Mine, place: str, times: list[float], size: tuple[int, int]) -> Iterator[Path]:
    """<place>-<time>-raw.png and -truth.png for every time."""
    _make_folder(folder)
    for t_s in times:
        for view, image in (("raw", mine.render(place, t_s, size)), ("truth", mine.truth(place, t_s, size))):
            yield _save(folder / f"{place}-{t_s:08.2f}-{view}.png", image)


def _picture(mine: Mine, place: str, t_s: float, size: tuple[int, int], view: View) -> BgrImage:
    if view == "both":
        return np.hstack([mine.render(place, t_s, size), mine.truth(place, t_s, size)])
    return mine.truth(place, t_s, size) if view == "truth" else mine.render(place, t_s, size)


def _save(path: Path, image: BgrImage | NDArray[np.uint16]) -> Path:
    try:
        path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be written: {error}") from error
    return path


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise InvalidInputError(f"size {text!r} is not WIDTHxHEIGHT, such as 1280x720")
    return int(width), int(height)


def _failed(error: DavyError) -> typer.Exit:
    typer.echo(f"davy simulator: {error}", err=True)
    return typer.Exit(2 if isinstance(error, ConfigError | InvalidInputError) else 1)
