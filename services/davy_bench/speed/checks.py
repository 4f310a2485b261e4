"""Acceptance checks of the speed."""

from collections.abc import Sequence

from davy_bench.quality.checks import Check
from davy_bench.speed.frames import SIZES
from davy_bench.speed.load import MAX_AGE_MS, SustainedLoad, saturation_point
from davy_bench.speed.memory import FRAMES, MIB, Memory
from davy_bench.speed.methods import STILL, VIDEO, VIDEO_YUV
from davy_bench.speed.protection import ENCRYPTED, OPEN, Protection
from davy_bench.speed.result import Speed
from davy_bench.speed.throughput import Throughput

REFERENCE_SIZE = "1080p"
MAX_OVER_CLAHE = {VIDEO: 0.25, STILL: 0.40, VIDEO_YUV: 0.15}
MIN_SPEED_UP = {STILL: 3.5, VIDEO: 6.0}  # over the learned method
MIN_FPS = 90.0
MAX_GROWTH = 1.2  # of the time per pixel, from 720p to 4K
MAX_RETAINED_MIB = 1.0  # in FRAMES frames: allocators cause this much by themselves
MAX_DEMO_SLOPE_MIB_S = 0.1  # of several processes with caches and databases, over a minute
MAX_FRAME_LOSS = 0.05  # up to the saturation point
MAX_PROTECTION = 0.05  # of CPU time per frame
MAX_ADDED_AGE_MS = 2.0
MIN_FAIRNESS = 0.7  # beyond the saturation point, also between edges


def speed_checks(speed: Speed) -> list[Check]:
    """All checks for which there are figures."""
    checks = []
    if REFERENCE_SIZE in speed.timings:
        checks += [_clahe_check(speed, name, limit) for name, limit in MAX_OVER_CLAHE.items()]
        threads = sorted({key[1] for key in speed.timings[REFERENCE_SIZE]})
        checks += [_speed_up_check(speed, name, limit, count) for count in threads for name, limit in MIN_SPEED_UP.items()]
    if {"720p", "4K"} <= speed.timings.keys():
        checks += [_growth_check(speed, name) for name in (STILL, VIDEO)]
    if speed.throughput and speed.size == REFERENCE_SIZE:
        checks.append(_throughput_check(speed.throughput))
    checks += [_memory_check(memory) for memory in speed.memory]
    if speed.cameras:
        checks.append(_frame_loss_check(speed.cameras))
        checks += _saturation_checks(speed.cameras)
    if speed.protection:
        checks += _protection_checks(speed.protection)
    if speed.sustained:
        checks += _sustained_checks(speed.sustained)
    return checks


def _clahe_check(speed: Speed, name: str, limit: float) -> Check:
    ratio = speed.ratios(REFERENCE_SIZE)[name, 1].median
    title = f"{REFERENCE_SIZE}, {name}, 1 thread"
    return Check(title, f"{ratio:.3f} of CLAHE on LAB", f"at most {limit:.2f}", ratio <= limit)


def _speed_up_check(speed: Speed, name: str, limit: float, threads: int) -> Check:
    peer = speed.fastest_learned(REFERENCE_SIZE, threads)
    speed_up = speed.median_ms(REFERENCE_SIZE, peer) / speed.median_ms(REFERENCE_SIZE, (name, threads))
    title = f"{REFERENCE_SIZE}, {name}, {threads} thread{'s' * (threads > 1)}"
    return Check(title, f"{speed_up:.1f} times as fast as {peer[0]}", f"at least {limit:g}", speed_up >= limit)


def _growth_check(speed: Speed, name: str) -> Check:
    per_pixel = [speed.median_ms(size, (name, 1)) / (SIZES[size][0] * SIZES[size][1]) for size in ("720p", "4K")]
    growth = per_pixel[1] / per_pixel[0]
    title = f"{name}: time per pixel, 4K over 720p"
    return Check(title, f"{growth:.2f}", f"at most {MAX_GROWTH:g}", growth <= MAX_GROWTH)


def _throughput_check(throughput: Throughput) -> Check:
    title = f"{REFERENCE_SIZE}, JPEG to JPEG, {throughput.cameras} cameras on {throughput.threads} cores"
    fps = throughput.fps.median
    measured = f"{fps:.1f} fps ({throughput.codec_fps.median:.0f} without Davy)"
    return Check(title, measured, f"at least {MIN_FPS:g} fps", fps >= MIN_FPS)


def _memory_check(memory: Memory) -> Check:
    retained = abs(memory.slope_bytes) * FRAMES / MIB
    title = f"{memory.path}: change of memory in {FRAMES} frames"
    return Check(title, f"{retained:.2f} MiB", f"at most {MAX_RETAINED_MIB:g} MiB", retained <= MAX_RETAINED_MIB)


def _frame_loss_check(cameras: Sequence[SustainedLoad]) -> Check:
    point = saturation_point(cameras)
    below = [result for result in cameras if result.load.cameras <= point]
    loss = max((abs(1 - result.delivered_fraction) for result in below), default=1.0)
    measured = f"{loss:.1%} at most with up to {point} cameras" if point else "one camera is not sustained"
    return Check("frame loss up to the saturation point", measured, f"at most {MAX_FRAME_LOSS:.0%}", loss <= MAX_FRAME_LOSS)


def _saturation_checks(cameras: Sequence[SustainedLoad]) -> list[Check]:
    """Checks of the highest number of cameras, if it is not sustained."""
    highest = max(cameras, key=lambda result: result.load.cameras)
    if highest.is_sustained:
        return []
    title = f"beyond the saturation point, {highest.load.cameras} cameras"
    age_ms = highest.age_ms_p50
    age = "a camera delivered no frame" if age_ms is None else f"p50 age {age_ms:.0f} ms"
    fair, bounded = highest.fairness >= MIN_FAIRNESS, age_ms is not None and age_ms <= MAX_AGE_MS
    return [
        Check(f"{title}: frames, slowest over fastest camera", f"{highest.fairness:.2f}", f"at least {MIN_FAIRNESS:g}", fair),
        Check(f"{title}: bounded age", age, f"at most {MAX_AGE_MS:g} ms", bounded),
    ]


def _protection_checks(protection: Protection) -> list[Check]:
    """The cost of permission checks and mutual TLS together."""
    more, age_ms = protection.cpu_ratio(ENCRYPTED) - 1, protection.added_age_ms(ENCRYPTED)
    title = f"{ENCRYPTED}, over {OPEN}"
    return [
        Check(f"{title}: CPU time per frame", f"{more:+.1%}", f"at most +{MAX_PROTECTION:.0%}", more <= MAX_PROTECTION),
        Check(f"{title}: p50 age", f"{age_ms:+.1f} ms", f"at most +{MAX_ADDED_AGE_MS:g} ms", age_ms <= MAX_ADDED_AGE_MS),
    ]


def _sustained_checks(result: SustainedLoad) -> list[Check]:
    load, slope = result.load, result.slope_mib_s
    title = f"mine: {load.cameras} x {load.size[0]}x{load.size[1]} x {load.fps:g} fps for {load.seconds:g} s"
    age = "no frame" if result.age_ms_p99 is None else f"p99 age {result.age_ms_p99:.0f} ms"
    target = f"all frames (95 %), p99 age at most {MAX_AGE_MS:g} ms"
    limit = f"at most {MAX_DEMO_SLOPE_MIB_S:g} MiB/s"
    return [
        Check(title, f"{result.delivered_fraction:.0%} of the frames, {age}", target, result.is_sustained),
        Check(f"{title}: growth of memory", f"{slope:+.3f} MiB/s", limit, slope <= MAX_DEMO_SLOPE_MIB_S),
    ]
