"""The page of the speed: checks, tables and plots."""

import json
from collections.abc import Sequence
from pathlib import Path

from davy_bench.quality.checks import check_table
from davy_bench.quality.table import grid
from davy_bench.speed.checks import REFERENCE_SIZE, speed_checks
from davy_bench.speed.load import SustainedLoad, saturation_point
from davy_bench.speed.methods import JPEG_QUALITY, NETWORK_INTERVAL
from davy_bench.speed.plots import plot_cameras, plot_pixels, plot_ratios
from davy_bench.speed.protection import ENCRYPTED, MODES, Protection
from davy_bench.speed.result import Speed, as_json, machine
from davy_bench.speed.throughput import Throughput
from davy_bench.speed.timing import Quartiles

EXPLAINED = (
    "Times are in ms per frame: median over all rounds, with the quartiles in brackets. Each round runs all methods in random "
    "order, so that other load on the machine affects all of them equally. *Over CLAHE* is the median over the rounds of the "
    "time divided by that of CLAHE on LAB **on one thread**. Pictures are 8-bit BGR; buffers are reused. "
    "*Threads* are those of OpenCV (`cv2.setNumThreads`), ONNX Runtime, OpenVINO and Davy's enhancer; JPEG uses one. "
    f"*Davy still* runs the network on every frame. *Davy video* is the mean over {NETWORK_INTERVAL} frames of a moving "
    "sequence; the network runs on one of them. *JPEG to JPEG* decodes, enhances as video and encodes with quality "
    f"{JPEG_QUALITY}; *JPEG to JPEG alone* does not enhance. "
    "*Zero-DCE++* has the published architecture (7 depthwise-separable layers of 32 channels, 10,561 weights, a twelfth of "
    "each side, 8 iterations) and random weights; both engines convert from and to 8 bits inside the graph."
)
BUSY = 0.5  # load average above which the page warns of other processes
UTILISATION = 0.7  # highest planned utilisation of a processor
EXAMPLE_CAMERAS = 10_000
CORE_HOUR_COST = 0.03  # in any currency: an assumption, to be replaced by your own cost of a core-hour


def write_speed(speed: Speed, out: Path) -> list[Path]:
    """Write README.md, speed.json and the plots to a folder."""
    out.mkdir(parents=True, exist_ok=True)
    page, data = out / "README.md", out / "speed.json"
    data.write_text(json.dumps(as_json(speed), allow_nan=False, indent=1) + "\n")
    written = [page, data]
    sections = [_head(speed), "\n".join(check_table(speed_checks(speed)))]
    if speed.timings:
        plots = [plot_pixels(out / "pixels.png", speed)]
        plots += [plot_ratios(out / "ratios.png", speed, REFERENCE_SIZE)] if REFERENCE_SIZE in speed.timings else []
        written += plots
        sections += [
            "## Each method",
            EXPLAINED,
            "\n".join(timing_table(speed)),
            *(f"![{path.stem}]({path.name})" for path in plots),
        ]
    if speed.throughput:
        sections += _throughput(speed.size, speed.throughput)
    if speed.memory:
        sections += _memory(speed)
    if speed.cameras:
        written.append(plot_cameras(out / "cameras.png", speed.cameras))
        sections += ["## The complete mine under load", *_cameras(speed.cameras), "![cameras](cameras.png)"]
    if speed.protection:
        sections += _protection(speed.protection)
    if speed.sustained:
        sections += ["### Sustained load", "\n".join(camera_table([speed.sustained]))]
    page.write_text("\n\n".join(sections) + "\n")
    return written


def timing_table(speed: Speed) -> list[str]:
    """A row per size, method and number of threads."""
    rows = []
    for size, size_timings in speed.timings.items():
        over = speed.ratios(size)
        for key, values in size_timings.items():
            peer = speed.fastest_learned(size, key[1])
            faster = speed.median_ms(size, peer) / speed.median_ms(size, key)
            rows.append([f"{size}, {key[0]}", str(key[1]), _ms(Quartiles.of(values)), _ratio(over[key]), f"{faster:.1f}"])
    return grid(["size, method", "threads", "ms", "over CLAHE", "times as fast as Zero-DCE++"], rows)


def _head(speed: Speed) -> str:
    facts = machine()
    packages = facts["packages"]
    versions = ", ".join(f"{name} {number}" for name, number in packages.items()) if isinstance(packages, dict) else ""
    rounds = ", ".join(f"{len(next(iter(size_timings.values())))} at {size}" for size, size_timings in speed.timings.items())
    other = (
        " (other processes were running: ratios on one thread are almost unaffected; figures of two threads, times, frame "
        "rates and ages are worse than on an idle machine)"
    )
    other = other if speed.load_average > BUSY else ""
    return (
        f"# Speed\n\nWritten by `davy bench speed` (`make bench`) with {speed.model}, in the shipped configuration: the "
        f"weights and settings of the picture quality figures. {facts['processor']}, {facts['cores']} cores, "
        f"this process on {facts['affinity']}; {versions}. Rounds: {rounds or 'none'}. "
        f"Load average at the start: {speed.load_average:.1f}{other}."
    )


def _throughput(size: str, throughput: Throughput) -> list[str]:
    rows = [
        ["with Davy", _fps(throughput.fps)],
        ["decoding and encoding only", _fps(throughput.codec_fps)],
        ["CPU per frame with Davy", f"{throughput.cpu_ms.median:.1f} ms"],
    ]
    title = f"## JPEG in, JPEG out: {throughput.cameras} cameras at {size} on {throughput.threads} threads"
    return [title, "\n".join(grid(["", "frames per second, all cameras"], rows))]


def _memory(speed: Speed) -> list[str]:
    rows = [
        [
            memory.path,
            f"{memory.before_mib:.0f}",
            f"{memory.after_mib:.0f}",
            f"{memory.peak_mib:.0f}",
            f"{memory.slope_bytes / 1024:+.2f}",
            f"{memory.python_bytes / 1024:.1f}",
            f"{memory.retained_bytes:.0f}",
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
        "retained / bytes",
    ]
    text = (
        f"Each path runs in its own process, over {speed.memory[0].frames} frames at {speed.size}; the memory includes the ten "
        "input frames. *Allocated* is the peak of the additional Python and NumPy memory during a frame, *retained* the part "
        "that remains after it (tracemalloc). The JPEG path allocates the decoded picture and both files."
    )
    return ["## Memory", text, "\n".join(grid(titles, rows))]


def _cameras(cameras: Sequence[SustainedLoad]) -> list[str]:
    load, point = cameras[0].load, saturation_point(cameras)
    also = ", the highest measured number" if point == cameras[-1].load.cameras else ""
    text = (
        f"`davy demo` runs edges, broker, database, aggregator, enhancer and a subscriber as one process on this machine, for "
        f"{load.seconds:g} s per row. The cameras play H.264 of {load.size[0]}x{load.size[1]} at {load.fps:g} fps, as a real "
        "camera sends it. Each frame is decoded, enhanced, encoded raw and enhanced, and published over MQTT and gRPC. "
        "At the saturation point, the highest sustained number of cameras, 95 % of the frames arrive with a p99 age of at most "
        f"half a second: **{point}**{also}."
    )
    return [text, "\n".join(camera_table(cameras)), *_cost_estimate(cameras, point)]


def protection_table(protection: Protection) -> list[str]:
    """A row per mode."""
    rows = [
        [
            mode,
            f"{protection.cpu_ms(mode):.2f}",
            f"{protection.cpu_ratio(mode):.3f}",
            f"{protection.age_ms(mode):.1f}",
            f"{protection.added_age_ms(mode):+.1f}",
        ]
        for mode in MODES
    ]
    return grid(["the mine is", "CPU ms per frame", "over open", "p50 age / ms", "over open / ms"], rows)


def _protection(protection: Protection) -> list[str]:
    load = protection.load
    low, high = protection.added_age_range_ms(ENCRYPTED)
    text = (
        f"Three mines at once, each with {load.cameras} x {load.size[1]}p at {load.fps:g} fps, {len(protection.rounds)} rounds "
        f"of {load.seconds:g} s: open to everybody on this machine, closed (tokens, permission checks, the broker's passwords "
        "and access list), and closed with mutual TLS on gRPC and HTTP and TLS on MQTT. They share whatever else the machine "
        "does, and their cameras drift through each other. CPU time is that of every process of the mine, cameras and "
        f"subscriber included. The middle half of the rounds adds {low:+.1f} to {high:+.1f} ms to the age with mutual TLS."
    )
    return ["## The cost of identities and encryption", text, "\n".join(protection_table(protection))]


def camera_table(cameras: Sequence[SustainedLoad]) -> list[str]:
    """A row per number of cameras."""
    titles = [
        "cameras",
        "fps per camera, lowest to highest",
        "delivered",
        "p50 age / ms",
        "p99 age / ms",
        "dropped",
        "unexplained",
    ]
    titles += ["cores", "CPU s per camera-hour", "RSS / MiB", "RSS slope / MiB/s"]
    rows = [
        [
            f"{sustained.load.cameras} x {sustained.load.size[1]}p x {sustained.load.fps:g}",
            f"{min(sustained.fps):.1f} to {max(sustained.fps):.1f}",
            f"{sustained.delivered_fraction:.0%}",
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


def _cost_estimate(cameras: Sequence[SustainedLoad], point: int) -> list[str]:
    """Estimate the cost of EXAMPLE_CAMERAS from the row of the saturation point."""
    saturated = next((result for result in cameras if result.load.cameras == point), None)
    if saturated is None:
        return []
    cores = saturated.cpu_s_per_camera_hour / 3600 * EXAMPLE_CAMERAS / UTILISATION
    return [
        f"At the saturation point a camera-hour takes {saturated.cpu_s_per_camera_hour:.0f} CPU seconds. {EXAMPLE_CAMERAS:,} "
        f"cameras need {cores:,.0f} cores of this processor at a utilisation of {UTILISATION:.0%}. At an assumed cost of "
        f"{CORE_HOUR_COST:g} per core-hour, in any currency, this is {cores * CORE_HOUR_COST / EXAMPLE_CAMERAS:.4f} per "
        f"camera-hour and {cores * CORE_HOUR_COST * 24:,.0f} per day in total."
    ]


def _ms(quartiles: Quartiles) -> str:
    return f"{quartiles.median:.2f} ({quartiles.low:.2f} to {quartiles.high:.2f})"


def _ratio(quartiles: Quartiles) -> str:
    return f"{quartiles.median:.3f} ({quartiles.low:.3f} to {quartiles.high:.3f})"


def _fps(quartiles: Quartiles) -> str:
    return f"{quartiles.median:.1f} ({quartiles.low:.1f} to {quartiles.high:.1f})"


def _age(age_ms: float | None) -> str:
    return "-" if age_ms is None else f"{age_ms:.0f}"
