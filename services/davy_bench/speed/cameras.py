"""The whole mine under load: `davy mine` as a process, with ever more cameras, over real sockets."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import yaml
from pydantic import BaseModel, TypeAdapter

from davy.domain.errors import MineFailedError
from davy_bench.speed.memory import MIB

PORTS = ("CONSOLE", "GRPC", "MQTT", "ENHANCER", "ENHANCER_GRPC")
READY_S, END_S = 90.0, 60.0
SETTLE_S, SAMPLE_S = 3.0, 1.0
CAMERAS_PER_EDGE = 4
HELD = 0.95  # of the frames that cameras give
MOST_AGE_MS = 500.0


@dataclass(frozen=True, slots=True)
class Load:
    """What the cameras give."""

    cameras: int
    size: tuple[int, int]
    fps: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Held:
    """What became of it, as a subscriber on the broker saw it.

    fps: By camera. age_ms_p99: Of the worst camera; None if one gave nothing. cpu_s: Of the mine, its broker and its
    store, while it was measured, for span_s. slope_mib_s: Of their resident memory.
    """

    load: Load
    fps: Sequence[float]
    age_ms_p50: float | None
    age_ms_p99: float | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    captured: int = 0
    unexplained: int = 0
    cpu_s: float = 0.0
    span_s: float = 0.0
    resident_mib: float = 0.0
    slope_mib_s: float = 0.0

    @property
    def share(self) -> float:
        """Of the frames that the cameras give, how many arrive."""
        return sum(self.fps) / (self.load.cameras * self.load.fps)

    @property
    def fairness(self) -> float:
        """Frames of the camera that had fewest, over those of the one that had most: 1 is fair, 0 starves one."""
        return min(self.fps) / max(self.fps) if any(self.fps) else 0.0

    @property
    def kept_up(self) -> bool:
        return self.share >= HELD and self.age_ms_p99 is not None and self.age_ms_p99 <= MOST_AGE_MS

    @property
    def cores(self) -> float:
        return self.cpu_s / self.span_s if self.span_s else 0.0

    @property
    def cpu_s_per_camera_hour(self) -> float:
        return self.cores / self.load.cameras * 3600


class CameraSummary(BaseModel):
    """One camera of the summary that `davy mine --summary` writes; ages are None where no frame came."""

    fps: float
    age_ms_p50: float | None
    age_ms_p99: float | None
    captured: int
    dropped: dict[str, int]
    unexplained: int


SUMMARY = TypeAdapter(dict[str, CameraSummary])


def hold(load: Load, stream: Path, folder: Path) -> Held:
    """Run `davy mine` with so many cameras, all of which show stream, and look at it from outside.

    Raises:
        MineFailedError: it did not come up, or did not end in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, summary = folder / "site.yaml", folder / "summary.json"
    summary.unlink(missing_ok=True)
    config.write_text(yaml.safe_dump(site(load, stream)))
    words = [
        "--config",
        config,
        "--seconds",
        f"{load.seconds:g}",
        "--table",
        "off",
        "--summary",
        summary,
        "--log-level",
        "ERROR",
    ]
    environment = {**os.environ, **{f"DAVY_DEMO_{name}_PORT": "0" for name in PORTS}, "DAVY_DEMO_DATA": str(folder / "data")}
    command = [sys.executable, "-m", "davy", "demo", *map(str, words)]
    printed = folder / "mine.log"
    with printed.open("w") as log, subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            _until_ready(process, printed)
            samples = _watch(psutil.Process(process.pid), load.seconds)
            process.wait(END_S)
        except (subprocess.TimeoutExpired, psutil.NoSuchProcess) as error:
            raise MineFailedError(f"{error}: {printed.read_text()[-500:]}") from error
        finally:
            _end(process)
    if not summary.exists():
        raise MineFailedError(printed.read_text()[-500:])
    return _held(load, list(SUMMARY.validate_json(summary.read_bytes()).values()), samples)


def site(load: Load, stream: Path) -> dict[str, object]:
    """A mine's file: up to CAMERAS_PER_EDGE cameras beside each edge."""
    camera = {"source": f"file://{stream.absolute()}", "fps": load.fps, "width": load.size[0], "height": load.size[1]}
    edges: dict[str, dict[str, dict[str, object]]] = {}
    for number in range(load.cameras):
        edge = edges.setdefault(f"edge-{number // CAMERAS_PER_EDGE + 1}", {"cameras": {}})
        edge["cameras"][f"camera-{number + 1}"] = camera
    return {"site": "bench", "edges": edges}


def knee(found: Sequence[Held]) -> int:
    """The most cameras that were kept up with, before the first number that was not; 0 for none."""
    most = 0
    for held in sorted(found, key=lambda held: held.load.cameras):
        if not held.kept_up:
            break
        most = held.load.cameras
    return most


Sample = tuple[float, float, float]
"""Monotonic time in s, CPU s so far, resident bytes."""


def _until_ready(process: "subprocess.Popen[bytes]", printed: Path) -> None:
    """The line about models is the last before measuring begins."""
    ends_s = time.monotonic() + READY_S
    while "models " not in printed.read_text():
        if process.poll() is not None or time.monotonic() > ends_s:
            raise MineFailedError(printed.read_text()[-500:] or "it said nothing")
        time.sleep(0.1)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """In order where it can: a killed mine would leave its broker and its store behind."""
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _watch(process: psutil.Process, seconds: float) -> list[Sample]:
    ends_s = time.monotonic() + seconds - SAMPLE_S
    samples = []
    while time.monotonic() < ends_s:
        samples.append(_sample(process))
        time.sleep(SAMPLE_S)
    return samples


def _sample(process: psutil.Process) -> Sample:
    cpu_s = resident = 0.0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        cpu_s += times.user + times.system
        resident += each.memory_info().rss
    return time.monotonic(), cpu_s, resident


def _held(load: Load, cameras: Sequence[CameraSummary], samples: Sequence[Sample]) -> Held:
    dropped: Counter[str] = Counter()
    for camera in cameras:
        dropped.update(camera.dropped)
    settled = [sample for sample in samples if sample[0] - samples[0][0] >= SETTLE_S]
    at, _, resident = np.asarray(settled or samples).T
    return Held(
        load,
        [camera.fps for camera in cameras],
        _worst([camera.age_ms_p50 for camera in cameras]),
        _worst([camera.age_ms_p99 for camera in cameras]),
        dict(dropped.most_common()),
        captured=sum(camera.captured for camera in cameras),
        unexplained=sum(camera.unexplained for camera in cameras),
        cpu_s=samples[-1][1] - samples[0][1],
        span_s=samples[-1][0] - samples[0][0],
        resident_mib=float(resident.max()) / MIB,
        slope_mib_s=float(np.polyfit(at, resident / MIB, 1)[0]) if len(settled) > 2 else 0.0,
    )


def _worst(ages_ms: Sequence[float | None]) -> float | None:
    known = [age_ms for age_ms in ages_ms if age_ms is not None]
    return max(known) if known and len(known) == len(ages_ms) else None
