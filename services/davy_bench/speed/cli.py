"""`davy bench speed`: Davy's speed in comparison with other methods."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError
from davy.domain.extras import install_command
from davy.imaging.runtime import StillEnhancer
from davy_bench.methods.peers import has_openvino
from davy_bench.quality.checks import check_table
from davy_bench.quality.scores import ProgressCallback
from davy_bench.speed.cameras import measure_load
from davy_bench.speed.checks import REFERENCE_SIZE, speed_checks
from davy_bench.speed.frames import SIZES, moving_frames, parse_sizes
from davy_bench.speed.load import Load, SustainedLoad
from davy_bench.speed.memory import measure_memory
from davy_bench.speed.methods import timed_methods
from davy_bench.speed.protection import MODES, Protection, measure_protection
from davy_bench.speed.report import camera_table, protection_table, timing_table, write_speed
from davy_bench.speed.result import Speed
from davy_bench.speed.throughput import measure_throughput
from davy_bench.speed.timing import time_in_turns
from davy_bench.speed.video import write_drifting_streams, write_stream
from davy_bench.terminal import CONSOLE, bars, parse_size, print_written, report_errors

THREADS = (1, 2)
PROTECTED_CAMERAS = 1  # of each of the mines that run at once: machines with 2 cores have room for no more
SUSTAINED_CAMERAS, SUSTAINED_FPS = 4, 15.0
Bar = Callable[[str], ProgressCallback]


def speed(
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the page, the figures and the plots.")] = Path("runs/bench/speed"),
    sizes: Annotated[
        str, typer.Option(help="Picture sizes for the methods, separated by commas, or none.")
    ] = "480p,720p,1080p,4K",
    seconds: Annotated[float, typer.Option(min=0, help="Duration per size; at least five rounds.")] = 20.0,
    memory: Annotated[bool, typer.Option(help="Also measure memory, and frames of several cameras, at 1080p.")] = True,
    cameras: Annotated[
        str, typer.Option(help="Numbers of cameras in the complete mine, separated by commas, or none.")
    ] = "1,2,4,8,16",
    camera_size: Annotated[str, typer.Option(help="Picture size of these cameras, WIDTHxHEIGHT.")] = "1280x720",
    camera_fps: Annotated[float, typer.Option(min=1, help="Frame rate of these cameras.")] = 10.0,
    camera_seconds: Annotated[float, typer.Option(min=5, help="Duration per number of cameras.")] = 20.0,
    sustained_seconds: Annotated[
        float, typer.Option(min=0, help="Duration of the complete mine with 4 cameras of 1080p and 15 fps; 0: not measured.")
    ] = 60.0,
    protection: Annotated[
        int, typer.Option(min=0, help="Rounds in which the mine runs open, closed, and closed with mutual TLS.")
    ] = 0,
    held_seconds: Annotated[float | None, typer.Option(min=0, hidden=True)] = None,  # before 0.2
) -> None:
    """Measure every path of Davy, CLAHE, cv2.LUT, a copy and Zero-DCE++; memory; and the number of sustained cameras."""
    if held_seconds is not None:
        typer.echo("warning: davy bench: --held-seconds is a deprecated name: use --sustained-seconds", err=True)
        sustained_seconds = held_seconds
    with report_errors(), bars() as bar:
        counts = _counts(cameras)
        names = () if sizes == "none" else parse_sizes(sizes)
        stills = {threads: StillEnhancer(model, threads) for threads in THREADS}
        result = Speed(stills[1].model)
        if names and not has_openvino():
            CONSOLE.print(f"OpenVINO is not installed ({install_command('bench')}): Zero-DCE++ runs in ONNX Runtime only")
        for name in names:
            progress = bar(f"{name}: methods, s")
            frames = moving_frames(SIZES[name])
            result.timings[name] = time_in_turns(timed_methods(frames, stills), seconds, frames[0], progress)
        if memory:
            frames = moving_frames(SIZES[REFERENCE_SIZE])
            result.size = REFERENCE_SIZE
            result.throughput = measure_throughput(frames, stills[1], bar("JPEG to JPEG of several cameras"))
            result.memory = measure_memory(frames, model, bar("memory"))
        if counts:
            load = Load(1, parse_size(camera_size), camera_fps, camera_seconds)
            _measure_loads(result, [Load(count, load.size, load.fps, load.seconds) for count in counts], sustained_seconds, bar)
        if protection:
            load = Load(PROTECTED_CAMERAS, parse_size(camera_size), camera_fps, camera_seconds)
            result.protection = _measure_protection(load, protection, bar)
        written = write_speed(result, out)
    _print_tables(result)
    print_written(written)


def _print_tables(result: Speed) -> None:
    checks = speed_checks(result)
    cost = protection_table(result.protection) if result.protection else []
    loads = [*result.cameras, *([result.sustained] if result.sustained else [])]
    tables = [timing_table(result) if result.timings else [], camera_table(loads) if loads else [], cost, check_table(checks)]
    print("\n\n".join("\n".join(table) for table in tables if table))
    print(f"\n{sum(check.passed for check in checks)} of {len(checks)} checks passed")


def _measure_loads(result: Speed, loads: list[Load], sustained_seconds: float, bar: Bar) -> None:
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as name:
        folder, progress = Path(name), bar("complete mine, numbers of cameras")
        result.cameras = []
        stream = write_stream(folder / "camera.mp4", loads[0].size, loads[0].fps)
        for done, load in enumerate(loads):
            progress(done, len(loads))
            result.cameras.append(measure_load(load, [stream], folder / str(load.cameras)))
        progress(len(loads), len(loads))
        if sustained_seconds:
            sustained = Load(SUSTAINED_CAMERAS, SIZES[REFERENCE_SIZE], SUSTAINED_FPS, sustained_seconds)
            result.sustained = _measure_sustained(sustained, folder, bar)


def _measure_protection(load: Load, rounds: int, bar: Bar) -> Protection:
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as name:
        streams = write_drifting_streams(Path(name), load.size, load.fps, load.cameras * len(MODES))
        return measure_protection(load, streams, Path(name), rounds, bar("the mine open, closed, encrypted"))


def _measure_sustained(load: Load, folder: Path, bar: Bar) -> SustainedLoad:
    progress = bar(f"complete mine, {load.cameras} x {REFERENCE_SIZE} x {load.fps:g} fps")
    progress(0, 1)
    result = measure_load(load, [write_stream(folder / "sustained.mp4", load.size, load.fps)], folder / "sustained")
    progress(1, 1)
    return result


def _counts(text: str) -> list[int]:
    if text == "none":
        return []
    try:
        counts = sorted({int(number) for number in text.split(",")})
    except ValueError as error:
        raise ConfigError(f"cameras {text!r}: write numbers separated by commas, such as 1,2,4, or none") from error
    if counts[0] < 1:
        raise ConfigError(f"cameras {text!r}: a mine has at least 1 camera; write 1 or more, or none")
    return counts
