"""Frame rate of several cameras on several threads, from JPEG to JPEG."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from davy.adapters.media import jpeg
from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_bench.quality.scores import ProgressCallback
from davy_bench.speed.frames import ping_pong_order
from davy_bench.speed.methods import JPEG_QUALITY, NETWORK_INTERVAL, into_planes, transcode
from davy_bench.speed.timing import Quartiles

CAMERAS, THREADS, BURSTS = 4, 2, 5
BURST_S = 1.5


@dataclass(frozen=True, slots=True)
class Throughput:
    """Frames per second of all cameras together, with Davy and by the codec alone, and CPU time per frame."""

    cameras: int
    threads: int
    fps: Quartiles
    codec_fps: Quartiles
    cpu_ms: Quartiles


def measure_throughput(
    frames: Sequence[BgrImage], still: StillEnhancer, progress: ProgressCallback, burst_s: float = BURST_S
) -> Throughput:
    """Measure bursts with and without Davy in turn; every camera has its own enhancer."""
    files = [jpeg.encode(frame, JPEG_QUALITY) for frame in frames]
    shape = frames[0].shape[0], frames[0].shape[1]
    davy = [transcode(into_planes(VideoEnhancer(still, NETWORK_INTERVAL), shape)) for _ in range(CAMERAS)]
    codec = [transcode(lambda image: image)] * CAMERAS
    fps, codec_fps, cpu_ms = [], [], []
    with ThreadPoolExecutor(THREADS) as pool:
        _burst(pool, davy, files, burst_s / 3)
        for done in range(BURSTS):
            progress(done, BURSTS)
            rate, cost = _burst(pool, davy, files, burst_s)
            fps.append(rate)
            cpu_ms.append(cost)
            codec_fps.append(_burst(pool, codec, files, burst_s)[0])
        progress(BURSTS, BURSTS)
    return Throughput(CAMERAS, THREADS, Quartiles.of(fps), Quartiles.of(codec_fps), Quartiles.of(cpu_ms))


def _burst(
    pool: ThreadPoolExecutor, cameras: Sequence[Callable[[bytes], bytes]], files: Sequence[bytes], seconds: float
) -> tuple[float, float]:
    """(frames per second, CPU ms per frame). Each thread serves its own cameras in turn."""
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    end_s = start_s + seconds
    shares = [cameras[number::THREADS] for number in range(THREADS)]
    done = sum(pool.map(lambda share: _serve(share, files, end_s), shares))
    return done / (time.perf_counter() - start_s), (time.process_time() - start_cpu_s) * 1000 / done


def _serve(cameras: Sequence[Callable[[bytes], bytes]], files: Sequence[bytes], end_s: float) -> int:
    order, turn = ping_pong_order(len(files)), 0
    while time.perf_counter() < end_s:
        data = files[order[turn % len(order)]]
        for camera in cameras:
            camera(data)
        turn += 1
    return turn * len(cameras)
