"""What video costs beside pictures: the same mine with one viewer of JPEG, of H.264, and with fifty viewers of H.264."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import numpy as np
import yaml
from prometheus_client.parser import text_string_to_metric_families

from davy.adapters.grpc.frame_client import FrameClient
from davy.adapters.mqtt.bus import connect
from davy.domain.frame import EncodedFrame
from davy.domain.video import VideoPacket
from davy_bench.quality.scores import ProgressCallback
from davy_bench.speed.cameras import Sample, demo, sample, site
from davy_bench.speed.load import Load
from davy_bench.speed.memory import MIB

JPEG, VIDEO, MANY = "JPEG with raw", "H.264", "H.264, 50 viewers"
MQTT: Final[Mapping[str, dict[str, Any]]] = {JPEG: {}, VIDEO: {"fps": 2, "width": 640}, MANY: {"fps": 2, "width": 640}}
VIEWERS: Final[Mapping[str, int]] = {JPEG: 1, VIDEO: 1, MANY: 50}
SETTLE_S, SAMPLE_EVERY_S = 4.0, 1.0


@dataclass(slots=True)
class VideoRun:
    """One mine with viewers.

    Attributes:
        ages_s: Age of every picture at its first viewer, s.
        samples: Of the process and its children.
        uplink_bytes: What the edges sent over gRPC and MQTT.
        span_s: Duration of the measurement.
    """

    load: Load
    ages_s: list[float] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    uplink_bytes: int = 0
    span_s: float = 0.0

    @property
    def delivered(self) -> float:
        """Pictures at the first viewer over those of the cameras."""
        return len(self.ages_s) / (self.load.cameras * self.load.fps * self.span_s)

    def age_ms(self, percentile: float) -> float:
        """A percentile of the age in ms."""
        return float(np.percentile(self.ages_s, percentile)) * 1000 if self.ages_s else float("nan")

    @property
    def cores(self) -> float:
        """Mean number of busy processor cores, of all services."""
        (first_s, first_cpu_s, _), (last_s, last_cpu_s, _) = self.samples[0], self.samples[-1]
        return (last_cpu_s - first_cpu_s) / (last_s - first_s)

    @property
    def mbit_s(self) -> float:
        """Uplink per camera in Mbit/s."""
        return self.uplink_bytes * 8 / 1e6 / self.span_s / self.load.cameras

    @property
    def slope_mib_min(self) -> float:
        """Growth of the resident memory in MiB per minute."""
        times_s, _, resident = np.asarray(self.samples).T
        return float(np.polyfit(times_s, resident / MIB, 1)[0]) * 60 if len(self.samples) > 2 else 0.0


def measure_video(load: Load, streams: Sequence[Path], folder: Path, progress: ProgressCallback) -> dict[str, VideoRun]:
    """Run the mine in each mode in turn.

    Raises:
        MineFailedError: the mine did not start, or did not end in order.
    """
    found = {}
    for number, mode in enumerate(MQTT):
        found[mode] = _run(mode, load, streams, folder / f"{number}")
        progress(number + 1, len(MQTT))
    return found


def _run(mode: str, load: Load, streams: Sequence[Path], folder: Path) -> VideoRun:
    folder.mkdir(parents=True, exist_ok=True)
    config, ports = folder / "site.yaml", dict(zip(("CONSOLE", "GRPC", "MQTT"), _free_ports(3), strict=True))
    content: Any = site(load, streams)
    for edge in content["edges"].values():
        for camera in edge["cameras"].values():
            camera["mqtt"] = MQTT[mode]
    config.write_text(yaml.safe_dump(content))
    cameras = [f"{edge}/{camera}" for edge, each in content["edges"].items() for camera in each["cameras"]]
    with demo(config, folder, ("--insecure", "--seconds", "0"), ports) as process:
        return asyncio.run(_watch(mode, load, cameras, ports, lambda: sample(process)))


async def _watch(
    mode: str, load: Load, cameras: Sequence[str], ports: Mapping[str, int], look: Callable[[], Sample]
) -> VideoRun:
    run, begun = VideoRun(load), asyncio.Event()
    async with (
        FrameClient.connect(f"grpc://127.0.0.1:{ports['GRPC']}") as client,
        connect(f"mqtt://127.0.0.1:{ports['MQTT']}", "bench-uplink") as bus,
    ):
        viewers = [
            _view(client, mode, camera, run if number == 0 else None, begun)
            for number in range(VIEWERS[mode])
            for camera in cameras
        ]
        tasks = [asyncio.create_task(each) for each in (*viewers, _hear(bus.subscribe(["davy/+/+/+/frame"]), run, begun))]
        await asyncio.sleep(SETTLE_S)
        before, start_s = await asyncio.to_thread(_received_bytes, ports["CONSOLE"]), time.monotonic()
        begun.set()
        while (elapsed_s := time.monotonic() - start_s) < load.seconds:
            run.samples.append(look())
            await asyncio.sleep(min(SAMPLE_EVERY_S, load.seconds - elapsed_s))
        begun.clear()
        run.span_s = time.monotonic() - start_s
        run.uplink_bytes += await asyncio.to_thread(_received_bytes, ports["CONSOLE"]) - before
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return run


async def _view(client: FrameClient, mode: str, camera: str, run: VideoRun | None, begun: asyncio.Event) -> None:
    pictures: AsyncGenerator[EncodedFrame | VideoPacket, None]
    pictures = client.frames([camera], include_raw=True) if mode == JPEG else client.video(camera, fresh=True)
    async with aclosing(pictures):
        async for picture in pictures:
            if run is not None and begun.is_set():
                run.ages_s.append((time.time_ns() - picture.captured_ns) / 1e9)


async def _hear(messages: Any, run: VideoRun, begun: asyncio.Event) -> None:  # noqa: ANN401  # an async iterator
    async for message in messages:
        if begun.is_set():
            run.uplink_bytes += len(message.payload)


def _received_bytes(port: int) -> int:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:  # our own mine
        text = answer.read().decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return int(sum(each.value for each in families["davy_aggregator_received_bytes"].samples if each.name.endswith("_total")))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports
