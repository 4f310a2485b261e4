"""JPEG in, JPEG out, of several cameras at once on several threads: how many frames a second a box can turn round."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from davy.adapters.media import jpeg
from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_bench.quality.scores import Tick
from davy_bench.speed.frames import to_and_fro
from davy_bench.speed.methods import EVERY, QUALITY, into_planes, recode
from davy_bench.speed.timing import Middle

CAMERAS, THREADS, BURSTS = 4, 2, 5
BURST_S = 1.5


@dataclass(frozen=True, slots=True)
class Throughput:
    """Frames a second of all cameras together, and CPU per frame; alone is decoding and encoding without Davy."""

    cameras: int
    threads: int
    fps: Middle
    alone_fps: Middle
    cpu_ms: Middle


def throughput(frames: Sequence[BgrImage], still: StillEnhancer, tick: Tick, burst_s: float = BURST_S) -> Throughput:
    """Bursts with and without Davy in turn; every camera has its own state, and its turn on one of the threads."""
    files = [jpeg.encode(frame, QUALITY) for frame in frames]
    shape = frames[0].shape[0], frames[0].shape[1]
    ours = [recode(into_planes(VideoEnhancer(still, EVERY), shape)) for _ in range(CAMERAS)]
    alone = [recode(lambda image: image)] * CAMERAS
    fps, alone_fps, cpu_ms = [], [], []
    with ThreadPoolExecutor(THREADS) as pool:
        _burst(pool, ours, files, burst_s / 3)
        for done in range(BURSTS):
            tick(done, BURSTS)
            rate, cost = _burst(pool, ours, files, burst_s)
            fps.append(rate)
            cpu_ms.append(cost)
            alone_fps.append(_burst(pool, alone, files, burst_s)[0])
        tick(BURSTS, BURSTS)
    return Throughput(CAMERAS, THREADS, Middle.of(fps), Middle.of(alone_fps), Middle.of(cpu_ms))


def _burst(
    pool: ThreadPoolExecutor, cameras: Sequence[Callable[[bytes], bytes]], files: Sequence[bytes], seconds: float
) -> tuple[float, float]:
    """(frames a second, ms of CPU per frame). Each thread serves its own cameras in turn."""
    began_s, began_cpu_s = time.perf_counter(), time.process_time()
    ends_s = began_s + seconds
    shares = [cameras[number::THREADS] for number in range(THREADS)]
    done = sum(pool.map(lambda share: _serve(share, files, ends_s), shares))
    return done / (time.perf_counter() - began_s), (time.process_time() - began_cpu_s) * 1000 / done


def _serve(cameras: Sequence[Callable[[bytes], bytes]], files: Sequence[bytes], ends_s: float) -> int:
    order, turn = to_and_fro(len(files)), 0
    while time.perf_counter() < ends_s:
        data = files[order[turn % len(order)]]
        for camera in cameras:
            camera(data)
        turn += 1
    return turn * len(cameras)
