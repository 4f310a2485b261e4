"""Memory of Davy's paths over many frames, each in a process of its own, so that nobody else's memory counts."""

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
from davy_bench.quality.scores import Tick
from davy_bench.speed.frames import to_and_fro
from davy_bench.speed.methods import EVERY, JPEG, OURS, QUALITY, STILL, VIDEO_YUV, into_buffer, into_planes, recode

FRAMES, TRACED, SAMPLE_EVERY = 500, 40, 5
WARM_UP = 40  # frames until buffers, heaps and thread pools have their size
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Memory:
    """One path's memory at one size.

    before_mib, after_mib: Resident, with everything imported but nothing made, and after the last frame.
    peak_mib: The highest that the process ever was.
    slope_bytes: Growth of the resident memory per frame, fitted over all frames after the warm-up.
    python_bytes: The most that Python and NumPy held at once above what they held before the frame, median over frames.
    kept_bytes: What of it was still held after the frame, mean over frames.
    """

    path: str
    frames: int
    before_mib: float
    after_mib: float
    peak_mib: float
    slope_bytes: float
    python_bytes: float
    kept_bytes: float


def memories(frames: Sequence[BgrImage], model: Path | None, tick: Tick, count: int = FRAMES) -> list[Memory]:
    """Every path, one after the other, over count frames of these, to and fro."""
    files = [jpeg.encode(frame, QUALITY) for frame in frames]
    found = []
    spawn = multiprocessing.get_context("spawn")  # a forked child would begin with our memory
    for done, path in enumerate(OURS):
        tick(done, len(OURS))
        with ProcessPoolExecutor(1, spawn) as pool:
            found.append(pool.submit(measure, path, files, model, count).result())
    tick(len(OURS), len(OURS))
    return found


def measure(path: str, files: Sequence[bytes], model: Path | None, count: int) -> Memory:
    """In this process: frames are decoded beforehand, except where the path begins with a JPEG."""
    before = resident_bytes()
    step = _step(path, files, model)
    resident = []
    for index in range(WARM_UP + count):
        step(index)
        if index >= WARM_UP and index % SAMPLE_EVERY == 0:
            resident.append((index, resident_bytes()))
    at, sustained = np.asarray(resident, float).T
    slope = float(np.polyfit(at, sustained, 1)[0])
    after, peak = resident_bytes(), peak_bytes()
    python, kept = _traced(step)
    return Memory(path, count, before / MIB, after / MIB, peak / MIB, slope, python, kept)


def _step(path: str, files: Sequence[bytes], model: Path | None) -> Callable[[int], object]:
    order = to_and_fro(len(files))
    frames = [jpeg.decode(data) for data in files]
    still = StillEnhancer(model)
    if path == JPEG:
        again = recode(into_planes(VideoEnhancer(still, EVERY), frames[0].shape[:2]))
        return lambda index: again(files[order[index % len(order)]])
    if path == VIDEO_YUV:
        decoded, step = (
            [planes.from_bgr(frame) for frame in frames],
            into_planes(VideoEnhancer(still, EVERY), frames[0].shape[:2]),
        )
        return lambda index: step(decoded[order[index % len(order)]])
    change = into_buffer(still if path == STILL else VideoEnhancer(still, EVERY), frames[0])
    return lambda index: change(frames[order[index % len(order)]])


def _traced(step: Callable[[int], object]) -> tuple[float, float]:
    """(most at once, kept) bytes per frame, as tracemalloc sees them: C's own buffers are not among them."""
    gc.collect()
    tracemalloc.start()
    try:
        step(0)
        most = []
        first = tracemalloc.get_traced_memory()[0]
        for index in range(TRACED):
            sustained = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            step(index)
            most.append(tracemalloc.get_traced_memory()[1] - sustained)
        gc.collect()
        return float(np.median(most)), (tracemalloc.get_traced_memory()[0] - first) / TRACED
    finally:
        tracemalloc.stop()


def resident_bytes() -> int:
    return _status("VmRSS")


def peak_bytes() -> int:
    """Not getrusage's: a child's begins with its parent's."""
    return _status("VmHWM")


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
