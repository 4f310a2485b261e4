"""Memory of Davy's paths over many frames, each in its own process."""

import gc
import multiprocessing
import tracemalloc
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from davy.adapters.media import jpeg, planes
from davy.domain.frame import BgrImage
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy_bench.quality.scores import ProgressCallback
from davy_bench.speed.frames import ping_pong_order
from davy_bench.speed.methods import (
    DAVY_PATHS,
    JPEG,
    JPEG_QUALITY,
    NETWORK_INTERVAL,
    STILL,
    VIDEO_YUV,
    into_buffer,
    into_planes,
    transcode,
)

FRAMES, TRACED, SAMPLE_EVERY = 500, 40, 5
WARM_UP = 40  # frames until buffers, heaps and thread pools have their final size
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one path at one picture size.

    Attributes:
        path: Name of the path.
        frames: Number of frames.
        before_mib: Resident memory after the imports, before the enhancer is built.
        after_mib: Resident memory after the last frame.
        peak_mib: Peak resident memory of the process.
        slope_bytes: Growth of the resident memory per frame, fitted over all frames after the warm-up.
        python_bytes: Peak of the additional Python and NumPy memory during a frame, median over frames.
        retained_bytes: Additional Python and NumPy memory after a frame, mean over frames.
    """

    path: str
    frames: int
    before_mib: float
    after_mib: float
    peak_mib: float
    slope_bytes: float
    python_bytes: float
    retained_bytes: float


def measure_memory(
    frames: Sequence[BgrImage], model: Path | None, progress: ProgressCallback, count: int = FRAMES
) -> list[Memory]:
    """Measure every path in turn, over count frames that repeat the given ones."""
    files = [jpeg.encode(frame, JPEG_QUALITY) for frame in frames]
    results = []
    spawn = multiprocessing.get_context("spawn")  # a forked child would start with the memory of this process
    for done, path in enumerate(DAVY_PATHS):
        progress(done, len(DAVY_PATHS))
        with ProcessPoolExecutor(1, spawn) as pool:
            results.append(pool.submit(measure, path, files, model, count).result())
    progress(len(DAVY_PATHS), len(DAVY_PATHS))
    return results


def measure(path: str, files: Sequence[bytes], model: Path | None, count: int) -> Memory:
    """Measure a path in this process. Frames are decoded in advance, except for a path that starts with JPEG."""
    before = resident_bytes()
    step = _step(path, files, model)
    resident = []
    for index in range(WARM_UP + count):
        step(index)
        if index >= WARM_UP and index % SAMPLE_EVERY == 0:
            resident.append((index, resident_bytes()))
    frames, sizes = np.asarray(resident, float).T
    slope = float(np.polyfit(frames, sizes, 1)[0])
    after, peak = resident_bytes(), peak_bytes()
    python, retained = _traced(step)
    return Memory(path, count, before / MIB, after / MIB, peak / MIB, slope, python, retained)


def _step(path: str, files: Sequence[bytes], model: Path | None) -> Callable[[int], object]:
    order = ping_pong_order(len(files))
    frames = [jpeg.decode(data) for data in files]
    still = StillEnhancer(model)
    if path == JPEG:
        run = transcode(into_planes(VideoEnhancer(still, NETWORK_INTERVAL), frames[0].shape[:2]))
        return lambda index: run(files[order[index % len(order)]])
    if path == VIDEO_YUV:
        decoded, step = (
            [planes.from_bgr(frame) for frame in frames],
            into_planes(VideoEnhancer(still, NETWORK_INTERVAL), frames[0].shape[:2]),
        )
        return lambda index: step(decoded[order[index % len(order)]])
    change = into_buffer(still if path == STILL else VideoEnhancer(still, NETWORK_INTERVAL), frames[0])
    return lambda index: change(frames[order[index % len(order)]])


def _traced(step: Callable[[int], object]) -> tuple[float, float]:
    """(peak, retained) bytes per frame as measured by tracemalloc, without the buffers of C code."""
    gc.collect()
    tracemalloc.start()
    try:
        step(0)
        peaks = []
        first = tracemalloc.get_traced_memory()[0]
        for index in range(TRACED):
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            step(index)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        gc.collect()
        return float(np.median(peaks)), (tracemalloc.get_traced_memory()[0] - first) / TRACED
    finally:
        tracemalloc.stop()


def resident_bytes() -> int:
    """Resident memory of this process."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """Peak resident memory of this process; that of getrusage would include the parent's at the start."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
