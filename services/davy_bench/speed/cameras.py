"""The complete mine under load: `davy demo` as a process with a growing number of cameras, over real sockets."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import yaml
from pydantic import BaseModel, TypeAdapter

from davy.domain.errors import MineFailedError
from davy_bench.speed.load import Load, SustainedLoad
from davy_bench.speed.memory import MIB

PORTS = ("CONSOLE", "GRPC", "MQTT", "ENHANCER", "ENHANCER_GRPC")
READY_TIMEOUT_S, EXIT_TIMEOUT_S = 90.0, 60.0
WARM_UP_S, SAMPLE_INTERVAL_S = 3.0, 1.0
CAMERAS_PER_EDGE = 4

Sample = tuple[float, float, float]
"""Monotonic time in s, CPU time in s, resident memory in bytes."""


class CameraSummary(BaseModel):
    """One camera in the file of `davy demo --summary`; ages are None without a frame."""

    fps: float
    age_ms_p50: float | None
    age_ms_p99: float | None
    captured: int
    dropped: dict[str, int]
    unexplained: int


SUMMARY = TypeAdapter(dict[str, CameraSummary])


def measure_load(load: Load, streams: Sequence[Path], folder: Path, protection: Sequence[str] = ()) -> SustainedLoad:
    """Run `davy demo` with cameras that play streams, and measure it from outside.

    Args:
        load: Number, size and frame rate of the cameras.
        streams: Video files; the cameras take them in turn.
        folder: Folder for configuration, data and log.
        protection: Options of `davy demo` that say what asks for identities and what is encrypted.

    Raises:
        MineFailedError: the process did not start, or did not end in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, summary, log_path = folder / "site.yaml", folder / "summary.json", folder / "mine.log"
    summary.unlink(missing_ok=True)
    config.write_text(yaml.safe_dump(site(load, streams)))
    options = ("--seconds", f"{load.seconds:g}", "--summary", str(summary), *protection)
    with demo(config, folder, options) as process:
        samples = record_samples(process, load.seconds)
        process.wait(EXIT_TIMEOUT_S)
    if not summary.exists():
        raise MineFailedError(log_path.read_text()[-500:])
    return summarise(load, list(SUMMARY.validate_json(summary.read_bytes()).values()), samples)


@contextmanager
def demo(config: Path, folder: Path, options: Sequence[str], ports: Mapping[str, int] = {}) -> Iterator[psutil.Popen]:
    """Run `davy demo` for the duration of the block, from its last line of the start on.

    Args:
        config: The site's file.
        folder: Folder for data and log.
        options: Further options.
        ports: Ports by name of `PORTS`; any free one for the others.

    Raises:
        MineFailedError: the process did not start, or did not end in order.
    """
    log_path, chosen = folder / "mine.log", {f"DAVY_DEMO_{name}_PORT": str(ports.get(name, 0)) for name in PORTS}
    environment = {**os.environ, **chosen, "DAVY_DEMO_DATA": str(folder / "data")}
    command = [
        sys.executable,
        "-m",
        "davy",
        "demo",
        "--config",
        str(config),
        "--table",
        "off",
        "--log-level",
        "ERROR",
        *options,
    ]
    with log_path.open("w") as log:
        process = psutil.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_ready(process, log_path)
            yield process
        except (subprocess.TimeoutExpired, psutil.Error) as error:
            raise MineFailedError(f"{error}: {log_path.read_text()[-500:]}") from error
        finally:
            _terminate(process)


def site(load: Load, streams: Sequence[Path]) -> dict[str, object]:
    """The content of a site.yaml with up to CAMERAS_PER_EDGE cameras per edge."""
    edges: dict[str, dict[str, dict[str, object]]] = {}
    for number in range(load.cameras):
        edge = edges.setdefault(f"edge-{number // CAMERAS_PER_EDGE + 1}", {"cameras": {}})
        source = f"file://{streams[number % len(streams)].absolute()}"
        size = {"width": load.size[0], "height": load.size[1]}
        edge["cameras"][f"camera-{number + 1}"] = {"source": source, "fps": load.fps, **size}
    return {"site": "bench", "edges": edges}


def summarise(load: Load, cameras: Sequence[CameraSummary], samples: Sequence[Sample]) -> SustainedLoad:
    """Combine the summaries of all cameras with the samples of the processes."""
    dropped: Counter[str] = Counter()
    for camera in cameras:
        dropped.update(camera.dropped)
    warm = [sample for sample in samples if sample[0] - samples[0][0] >= WARM_UP_S]
    times_s, _, resident = np.asarray(warm or samples).T
    return SustainedLoad(
        load,
        [camera.fps for camera in cameras],
        _highest([camera.age_ms_p50 for camera in cameras]),
        _highest([camera.age_ms_p99 for camera in cameras]),
        dict(dropped.most_common()),
        captured=sum(camera.captured for camera in cameras),
        unexplained=sum(camera.unexplained for camera in cameras),
        cpu_s=samples[-1][1] - samples[0][1],
        span_s=samples[-1][0] - samples[0][0],
        resident_mib=float(resident.max()) / MIB,
        slope_mib_s=float(np.polyfit(times_s, resident / MIB, 1)[0]) if len(warm) > 2 else 0.0,
    )


def _wait_until_ready(process: psutil.Popen, log: Path) -> None:
    """Wait for the line about models, which is the last one of the start."""
    deadline_s = time.monotonic() + READY_TIMEOUT_S
    while "models " not in log.read_text():
        if process.poll() is not None or time.monotonic() > deadline_s:
            raise MineFailedError(log.read_text()[-500:] or "it printed nothing")
        time.sleep(0.1)


def _terminate(process: psutil.Popen) -> None:
    """End the process in order if possible: after a kill its broker and its database would keep running."""
    with suppress(psutil.NoSuchProcess):  # it has ended by itself
        process.terminate()
    try:
        process.wait(EXIT_TIMEOUT_S)
    except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
        process.kill()


def record_samples(process: psutil.Process, seconds: float) -> list[Sample]:
    """Look at a process and its children once a second, until shortly before they end."""
    deadline_s = time.monotonic() + seconds - SAMPLE_INTERVAL_S
    samples = []
    while time.monotonic() < deadline_s:
        samples.append(sample(process))
        time.sleep(SAMPLE_INTERVAL_S)
    return samples


def sample(process: psutil.Process) -> Sample:
    """Return time, CPU time and resident memory, summed over a process and its children."""
    cpu_s = resident = 0.0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        cpu_s += times.user + times.system
        resident += each.memory_info().rss
    return time.monotonic(), cpu_s, resident


def _highest(ages_ms: Sequence[float | None]) -> float | None:
    """The highest age; None if a camera has none."""
    known = [age_ms for age_ms in ages_ms if age_ms is not None]
    return max(known) if known and len(known) == len(ages_ms) else None
