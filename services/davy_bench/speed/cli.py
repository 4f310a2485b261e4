"""`davy bench speed`: how fast, beside what others run, in one run."""

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
from davy_bench.quality.scores import Tick
from davy_bench.speed.cameras import Held, Load, hold
from davy_bench.speed.checks import JUDGED, speed_checks
from davy_bench.speed.frames import SIZES, moving, parse_sizes
from davy_bench.speed.memory import memories
from davy_bench.speed.methods import contestants
from davy_bench.speed.report import camera_table, race_table, write_speed
from davy_bench.speed.result import Speed
from davy_bench.speed.throughput import throughput
from davy_bench.speed.timing import race
from davy_bench.speed.video import write_stream
from davy_bench.terminal import CONSOLE, bars, clear_errors, parse_size, tell

THREADS = (1, 2)
HELD_CAMERAS, HELD_FPS = 4, 15.0
Bar = Callable[[str], Tick]


def speed(
    model: Annotated[Path | None, typer.Option(help="An ONNX file; the shipped one if absent.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the page, the figures and the plots.")] = Path("runs/bench/speed"),
    sizes: Annotated[str, typer.Option(help="With commas; none leaves the methods out.")] = "480p,720p,1080p,4K",
    seconds: Annotated[float, typer.Option(min=0, help="For the methods of one size; five rounds at least.")] = 20.0,
    memory: Annotated[bool, typer.Option(help="Also memory and frames of several cameras, at 1080p.")] = True,
    cameras: Annotated[
        str, typer.Option(help="Numbers of cameras for the whole mine, with commas; none: leave it out.")
    ] = "1,2,4,8,16",
    camera_size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of those cameras.")] = "1280x720",
    camera_fps: Annotated[float, typer.Option(min=1, help="Of those cameras.")] = 10.0,
    camera_seconds: Annotated[float, typer.Option(min=5, help="For each number of cameras.")] = 20.0,
    held_seconds: Annotated[
        float, typer.Option(min=0, help="Of 4 x 1080p x 15 fps in the whole mine; 0: leave it out.")
    ] = 60.0,
) -> None:
    """How fast: every path of Davy beside CLAHE, cv2.LUT, a copy and Zero-DCE++; memory; cameras until it is too many."""
    with clear_errors(), bars() as bar:
        counts = _counts(cameras)
        names = () if sizes == "none" else parse_sizes(sizes)
        stills = {threads: StillEnhancer(model, threads) for threads in THREADS}
        found = Speed(stills[1].model)
        if names and not has_openvino():
            CONSOLE.print(f"OpenVINO is not installed ({install_command('bench')}): Zero-DCE++ runs in ONNX Runtime only")
        for name in names:
            tick = bar(f"{name}: methods in turn, s")
            frames = moving(SIZES[name])
            found.races[name] = race(contestants(frames, stills), seconds, frames[0], tick)
        if memory:
            frames = moving(SIZES[JUDGED])
            found.size = JUDGED
            found.throughput = throughput(frames, stills[1], bar("JPEG to JPEG of several cameras"))
            found.memory = memories(frames, model, bar("memory"))
        if counts:
            load = Load(1, parse_size(camera_size), camera_fps, camera_seconds)
            _cameras(found, [Load(count, load.size, load.fps, load.seconds) for count in counts], held_seconds, bar)
        written = write_speed(found, out)
    checks = speed_checks(found)
    loaded = [*found.cameras, *([found.held] if found.held else [])]
    tables = [race_table(found) if found.races else [], camera_table(loaded) if loaded else [], check_table(checks)]
    print("\n\n".join("\n".join(table) for table in tables if table))
    print(f"\n{sum(check.reached for check in checks)} of {len(checks)} reached")
    tell(written)


def _cameras(found: Speed, loads: list[Load], held_seconds: float, bar: Bar) -> None:
    with tempfile.TemporaryDirectory(prefix="davy-bench-") as name:
        folder, tick = Path(name), bar("whole mine, numbers of cameras")
        found.cameras = []
        stream = write_stream(folder / "camera.mp4", loads[0].size, loads[0].fps)
        for done, load in enumerate(loads):
            tick(done, len(loads))
            found.cameras.append(hold(load, stream, folder / str(load.cameras)))
        tick(len(loads), len(loads))
        if held_seconds:
            found.held = _held(Load(HELD_CAMERAS, SIZES[JUDGED], HELD_FPS, held_seconds), folder, bar)


def _held(load: Load, folder: Path, bar: Bar) -> Held:
    tick = bar(f"whole mine, {load.cameras} x {JUDGED} x {load.fps:g} fps")
    tick(0, 1)
    found = hold(load, write_stream(folder / "held.mp4", load.size, load.fps), folder / "held")
    tick(1, 1)
    return found


def _counts(text: str) -> list[int]:
    if text == "none":
        return []
    try:
        counts = sorted({int(word) for word in text.split(",")})
    except ValueError as error:
        raise ConfigError(f"cameras {text!r}: write numbers with commas, as in 1,2,4, or none") from error
    if counts[0] < 1:
        raise ConfigError(f"cameras {text!r}: there is no mine of {counts[0]} cameras; write 1 or more, or none")
    return counts
