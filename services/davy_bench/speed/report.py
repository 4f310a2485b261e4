"""Speed on one page: a table, what is wanted of it, plots."""

import json
from collections.abc import Sequence
from pathlib import Path

from davy_bench.quality.checks import check_table
from davy_bench.quality.table import grid
from davy_bench.speed.cameras import SustainedLoad, saturation_point
from davy_bench.speed.checks import JUDGED, speed_checks
from davy_bench.speed.methods import EVERY, QUALITY
from davy_bench.speed.plots import plot_cameras, plot_pixels, plot_ratios
from davy_bench.speed.result import Speed, as_json, machine
from davy_bench.speed.throughput import Throughput
from davy_bench.speed.timing import Middle

EXPLAINED = (
    "Times in ms per frame, median of all rounds, quartiles in brackets. In every round everybody has a turn, in an order by "
    "chance, so that whatever else the machine does meets all alike; *over CLAHE* is the median of each round's time over the "
    "time of CLAHE on LAB **on one thread** in that round. Pictures are 8-bit BGR in and out, buffers are used again. "
    "*Threads* are those of OpenCV (`cv2.setNumThreads`), ONNX Runtime, OpenVINO and Davy's enhancer; JPEG is always one. "
    f"*Davy still* runs the network on every frame; *video* is the mean over {EVERY} frames of a moving sequence, one of them "
    f"with the network; *JPEG to JPEG* decodes, enhances as video and encodes with quality {QUALITY}; *alone* leaves Davy out. "
    "*Zero-DCE++* has the published shape (7 depthwise-separable layers of 32 channels, 10,561 weights, a twelfth of each "
    "side, 8 iterations) and random weights, in each engine with its conversions from and to 8 bits inside the graph."
)
BUSY = 0.5  # load average from which the page says that others were at work
UTILISATION = 0.7  # of its processors, that a box should have at most
FLEET = 10_000
CORE_HOUR = 0.03  # in whatever money: what a rented or a written-off core costs an hour, as an assumption to replace


def write_speed(speed: Speed, out: Path) -> list[Path]:
    """README.md, speed.json and the plots, to the folder out."""
    out.mkdir(parents=True, exist_ok=True)
    page, data = out / "README.md", out / "speed.json"
    data.write_text(json.dumps(as_json(speed), allow_nan=False, indent=1) + "\n")
    written = [page, data]
    sections = [_head(speed), "\n".join(check_table(speed_checks(speed)))]
    if speed.races:
        plots = [plot_pixels(out / "pixels.png", speed)]
        plots += [plot_ratios(out / "ratios.png", speed, JUDGED)] if JUDGED in speed.races else []
        written += plots
        sections += [
            "## Each method",
            EXPLAINED,
            "\n".join(race_table(speed)),
            *(f"![{path.stem}]({path.name})" for path in plots),
        ]
    if speed.throughput:
        sections += _throughput(speed.size, speed.throughput)
    if speed.memory:
        sections += _memory(speed)
    if speed.cameras:
        written.append(plot_cameras(out / "cameras.png", speed.cameras))
        sections += ["## The whole mine under load", *_cameras(speed.cameras), "![cameras](cameras.png)"]
    if speed.sustained:
        sections += ["### Held", "\n".join(camera_table([speed.sustained]))]
    page.write_text("\n\n".join(sections) + "\n")
    return written


def race_table(speed: Speed) -> list[str]:
    """A row per size, method and number of threads."""
    rows = []
    for size, raced in speed.races.items():
        over = speed.ratios(size)
        for key, values in raced.items():
            peer = speed.fastest_learned(size, key[1])
            faster = speed.median_ms(size, peer) / speed.median_ms(size, key)
            rows.append([f"{size}, {key[0]}", str(key[1]), _ms(Middle.of(values)), _ratio(over[key]), f"{faster:.1f}"])
    return grid(["size, method", "threads", "ms", "over CLAHE", "times as fast as Zero-DCE++"], rows)


def _head(speed: Speed) -> str:
    facts = machine()
    packages = facts["packages"]
    versions = ", ".join(f"{name} {number}" for name, number in packages.items()) if isinstance(packages, dict) else ""
    rounds = ", ".join(f"{len(next(iter(raced.values())))} at {size}" for size, raced in speed.races.items())
    other = (
        " (others were at work, and met all alike: ratios on one thread hold nearly; two threads, times, frames and ages are "
        "worse than alone)"
    )
    other = other if speed.busy > BUSY else ""
    return (
        f"# Speed\n\nWritten by `davy bench speed` (`make bench`) with {speed.model}, as it is shipped: one set of weights, "
        f"one configuration, the one that the picture quality is claimed for. {facts['processor']}, {facts['cores']} cores, "
        f"this process on {facts['affinity']}; {versions}. Rounds: {rounds or 'none'}. "
        f"Load average before it began: {speed.busy:.1f}{other}."
    )


def _throughput(size: str, found: Throughput) -> list[str]:
    rows = [
        ["with Davy", _fps(found.fps)],
        ["decoding and encoding alone", _fps(found.alone_fps)],
        ["CPU per frame with Davy", f"{found.cpu_ms.median:.1f} ms"],
    ]
    title = f"## JPEG in, JPEG out: {found.cameras} cameras at {size} on {found.threads} threads"
    return [title, "\n".join(grid(["", "frames a second, all cameras"], rows))]


def _memory(speed: Speed) -> list[str]:
    rows = [
        [
            memory.path,
            f"{memory.before_mib:.0f}",
            f"{memory.after_mib:.0f}",
            f"{memory.peak_mib:.0f}",
            f"{memory.slope_bytes / 1024:+.2f}",
            f"{memory.python_bytes / 1024:.1f}",
            f"{memory.kept_bytes:.0f}",
        ]
        for memory in speed.memory
    ]
    titles = [
        "path",
        "RSS before / MiB",
        "RSS after / MiB",
        "peak / MiB",
        "RSS slope / KiB per frame",
        "allocated / KiB",
        "kept / bytes",
    ]
    said = (
        f"Each in a process of its own, {speed.memory[0].frames} frames at {speed.size}; the ten frames that go round are in "
        "it. *Allocated* is the most that Python and NumPy held above what they held before a frame, *kept* what stayed of it "
        "(tracemalloc); a JPEG's path allocates the decoded picture and both files."
    )
    return ["## Memory", said, "\n".join(grid(titles, rows))]


def _cameras(cameras: Sequence[SustainedLoad]) -> list[str]:
    load, most = cameras[0].load, saturation_point(cameras)
    also = ", the most that was tried" if most == cameras[-1].load.cameras else ""
    said = (
        f"`davy mine` as one process (edges, broker, store, aggregator, enhancer, an observer on the broker), cameras of "
        f"{load.size[0]}x{load.size[1]} at {load.fps:g} fps that play H.264 as real cameras send it, {load.seconds:g} s each, "
        "on this machine alone. Each frame is decoded, enhanced and encoded twice, raw and enhanced, and goes out over MQTT "
        "and gRPC. "
        f"The knee, the most cameras of which 95 % of the frames arrive with a p99 age under half a second: **{most}**{also}."
    )
    return [said, "\n".join(camera_table(cameras)), *_fleet(cameras, most)]


def camera_table(cameras: Sequence[SustainedLoad]) -> list[str]:
    """A row per number of cameras."""
    titles = ["cameras", "fps each, least to most", "arrived", "p50 age / ms", "p99 age / ms", "dropped", "unexplained"]
    titles += ["cores", "CPU s per camera-hour", "RSS / MiB", "RSS slope / MiB/s"]
    rows = [
        [
            f"{sustained.load.cameras} x {sustained.load.size[1]}p x {sustained.load.fps:g}",
            f"{min(sustained.fps):.1f} to {max(sustained.fps):.1f}",
            f"{sustained.share:.0%}",
            _age(sustained.age_ms_p50),
            _age(sustained.age_ms_p99),
            ", ".join(f"{count} {cause}" for cause, count in sustained.dropped.items()) or "0",
            str(sustained.unexplained),
            f"{sustained.cores:.2f}",
            f"{sustained.cpu_s_per_camera_hour:.0f}",
            f"{sustained.resident_mib:.0f}",
            f"{sustained.slope_mib_s:+.2f}",
        ]
        for sustained in cameras
    ]
    return grid(titles, rows)


def _fleet(cameras: Sequence[SustainedLoad], most: int) -> list[str]:
    """What so many cameras cost, by the row at the knee."""
    at_knee = next((sustained for sustained in cameras if sustained.load.cameras == most), None)
    if at_knee is None:
        return []
    cores = at_knee.cpu_s_per_camera_hour / 3600 * FLEET / UTILISATION
    return [
        f"At the knee a camera-hour costs {at_knee.cpu_s_per_camera_hour:.0f} CPU seconds. {FLEET:,} such cameras, on boxes "
        f"whose processors are used to {UTILISATION:.0%}: {cores:,.0f} cores of this kind. At an assumed {CORE_HOUR:g} of any "
        f"money for a core-hour that is {cores * CORE_HOUR / FLEET:.4f} per camera-hour, {cores * CORE_HOUR * 24:,.0f} a day "
        "for all."
    ]


def _ms(middle: Middle) -> str:
    return f"{middle.median:.2f} ({middle.low:.2f} to {middle.high:.2f})"


def _ratio(middle: Middle) -> str:
    return f"{middle.median:.3f} ({middle.low:.3f} to {middle.high:.3f})"


def _fps(middle: Middle) -> str:
    return f"{middle.median:.1f} ({middle.low:.1f} to {middle.high:.1f})"


def _age(age_ms: float | None) -> str:
    return "-" if age_ms is None else f"{age_ms:.0f}"
