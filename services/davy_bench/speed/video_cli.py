"""`davy bench video`: quality and cost of video in H.264, beside pictures in JPEG."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from davy_bench.quality.table import grid
from davy_bench.speed.coded_quality import CodedQuality, measure_quality
from davy_bench.speed.live_video import JPEG, VideoRun, measure_video
from davy_bench.speed.load import Load
from davy_bench.speed.video import write_stream
from davy_bench.terminal import bars, parse_size, print_written, report_errors


def video(
    cameras: Annotated[int, typer.Option(min=1, help="Number of cameras.")] = 4,
    size: Annotated[str, typer.Option(help="Picture size of the cameras, WIDTHxHEIGHT.")] = "1280x720",
    fps: Annotated[float, typer.Option(min=1, help="Frame rate of the cameras.")] = 10.0,
    seconds: Annotated[float, typer.Option(min=2, help="Duration of each of the three mines.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Mine whose pictures are coded for the table of quality; at least 900.")] = 907,
    out: Annotated[Path, typer.Option(help="Folder of the tables.")] = Path("runs/bench/video"),
) -> None:
    """Measure video in H.264 beside pictures in JPEG: bits and quality in the mine, and age, load and uplink of viewers."""
    with report_errors(), bars() as bar, tempfile.TemporaryDirectory() as name:
        load = Load(cameras, parse_size(size), fps, seconds)
        quality = measure_quality(seed, load.size, load.fps, bar("quality, places"))
        stream = write_stream(Path(name) / "camera.mp4", load.size, load.fps)
        runs = measure_video(load, [stream], Path(name), bar("mine, kinds of viewers"))
        text = f"# Video\n\n{_quality_table(quality)}\n\n{_run_table(runs)}\n"
        print(text)
        out.mkdir(parents=True, exist_ok=True)
        (out / "video.md").write_text(text)
        print_written([out / "video.md"])


def _quality_table(quality: Mapping[str, CodedQuality]) -> str:
    rows = [
        (
            place,
            f"{each.mbit_s:.2f}",
            f"{each.psnr_db:.1f}",
            f"{each.worst_db:.1f}",
            f"{each.jpegs:.1f}",
            f"{each.jpeg_mbit_s:.1f}",
        )
        for place, each in quality.items()
    ]
    return "\n".join(grid(("place", "Mbit/s", "PSNR dB", "worst dB", "time, JPEG = 1", "JPEG Mbit/s"), rows))


def _run_table(runs: Mapping[str, VideoRun]) -> str:
    base = runs[JPEG].cores
    rows = [
        (
            mode,
            f"{100 * run.delivered:.1f} %",
            f"{run.age_ms(50):.0f}",
            f"{run.age_ms(99):.0f}",
            f"{run.mbit_s:.1f}",
            f"{run.cores:.2f}",
            f"{run.cores / base:.2f}",
            f"{run.slope_mib_min:+.1f}",
        )
        for mode, run in runs.items()
    ]
    heads = ("viewers see", "pictures", "age p50 ms", "p99 ms", "uplink Mbit/s a camera", "cores", "of JPEG's", "MiB/min")
    return "\n".join(grid(heads, rows))
