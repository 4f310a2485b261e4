"""The figures that Davy's speed is held to, and whether they are reached."""

from collections.abc import Sequence

from davy_bench.quality.checks import Check
from davy_bench.speed.cameras import MOST_AGE_MS, SustainedLoad, saturation_point
from davy_bench.speed.frames import SIZES
from davy_bench.speed.memory import FRAMES, MIB, Memory
from davy_bench.speed.methods import STILL, VIDEO, VIDEO_YUV
from davy_bench.speed.result import Speed
from davy_bench.speed.throughput import Throughput

JUDGED = "1080p"
OVER_CLAHE = {VIDEO: 0.25, STILL: 0.40, VIDEO_YUV: 0.15}
OVER_LEARNED = {STILL: 3.5, VIDEO: 6.0}
LEAST_FPS = 90.0
MOST_GROWTH = 1.2  # in time per pixel, from 720p to 4K
MOST_KEPT_MIB = 1.0  # in FRAMES frames: what allocators move about by themselves
MOST_MINE_SLOPE_MIB_S = 0.1  # of several processes with caches and databases, over a minute
LINEAR = 0.05  # of frames, up to the knee
LEAST_FAIRNESS = 0.7  # past the knee, of cameras with edges of their own, too


def speed_checks(speed: Speed) -> list[Check]:
    """All for which there are figures."""
    checks = []
    if JUDGED in speed.races:
        checks += [_over_clahe(speed, name, most) for name, most in OVER_CLAHE.items()]
        threads = sorted({key[1] for key in speed.races[JUDGED]})
        checks += [_over_learned(speed, name, least, count) for count in threads for name, least in OVER_LEARNED.items()]
    if {"720p", "4K"} <= speed.races.keys():
        checks += [_growth(speed, name) for name in (STILL, VIDEO)]
    if speed.throughput and speed.size == JUDGED:
        checks.append(_throughput(speed.throughput))
    checks += [_memory(memory) for memory in speed.memory]
    if speed.cameras:
        checks.append(_linear(speed.cameras))
        checks += _past_the_knee(speed.cameras)
    if speed.sustained:
        checks += _held(speed.sustained)
    return checks


def _over_clahe(speed: Speed, name: str, most: float) -> Check:
    found = speed.ratios(JUDGED)[name, 1].median
    return Check(f"{JUDGED}, {name}, 1 thread", f"{found:.3f} of CLAHE on LAB", f"at most {most:.2f}", found <= most)


def _over_learned(speed: Speed, name: str, least: float, threads: int) -> Check:
    peer = speed.fastest_learned(JUDGED, threads)
    found = speed.median_ms(JUDGED, peer) / speed.median_ms(JUDGED, (name, threads))
    what = f"{JUDGED}, {name}, {threads} thread{'s' * (threads > 1)}"
    return Check(what, f"{found:.1f} times as fast as {peer[0]}", f"at least {least:g}", found >= least)


def _growth(speed: Speed, name: str) -> Check:
    per_pixel = [speed.median_ms(size, (name, 1)) / (SIZES[size][0] * SIZES[size][1]) for size in ("720p", "4K")]
    found = per_pixel[1] / per_pixel[0]
    return Check(f"{name}: time per pixel, 4K over 720p", f"{found:.2f}", f"at most {MOST_GROWTH:g}", found <= MOST_GROWTH)


def _throughput(found: Throughput) -> Check:
    what = f"{JUDGED}, JPEG to JPEG, {found.cameras} cameras on {found.threads} cores"
    fps = found.fps.median
    return Check(
        what, f"{fps:.1f} fps ({found.alone_fps.median:.0f} without Davy)", f"at least {LEAST_FPS:g} fps", fps >= LEAST_FPS
    )


def _memory(memory: Memory) -> Check:
    more_clipped = abs(memory.slope_bytes) * FRAMES / MIB
    wanted = f"at most {MOST_KEPT_MIB:g} MiB either way"
    return Check(f"{memory.path}: growth in {FRAMES} frames", f"{more_clipped:.2f} MiB", wanted, more_clipped <= MOST_KEPT_MIB)


def _linear(cameras: Sequence[SustainedLoad]) -> Check:
    most = saturation_point(cameras)
    within = [sustained for sustained in cameras if sustained.load.cameras <= most]
    worst = max((abs(1 - sustained.share) for sustained in within), default=1.0)
    found = f"{worst:.1%} off up to {most} cameras" if most else "one camera is too many"
    return Check("frames grow with cameras up to the knee", found, f"within {LINEAR:.0%}", worst <= LINEAR)


def _past_the_knee(cameras: Sequence[SustainedLoad]) -> list[Check]:
    """Of the most cameras, where they are too many."""
    most = max(cameras, key=lambda sustained: sustained.load.cameras)
    if most.kept_up:
        return []
    what, found = f"past the knee, {most.load.cameras} cameras", most.fairness
    age_ms = most.age_ms_p50
    age = "a camera gave no frame" if age_ms is None else f"p50 age {age_ms:.0f} ms"
    least, limit = f"at least {LEAST_FAIRNESS:g} of its frames", f"at most {MOST_AGE_MS:g} ms"
    return [
        Check(f"{what}: the least served beside the best", f"{found:.2f}", least, found >= LEAST_FAIRNESS),
        Check(f"{what}: ages stay bounded", age, limit, age_ms is not None and age_ms <= MOST_AGE_MS),
    ]


def _held(sustained: SustainedLoad) -> list[Check]:
    load = sustained.load
    what = f"mine: {load.cameras} x {load.size[0]}x{load.size[1]} x {load.fps:g} fps for {load.seconds:g} s"
    age = "no frame" if sustained.age_ms_p99 is None else f"p99 age {sustained.age_ms_p99:.0f} ms"
    limits = f"all frames (95 %), p99 age at most {MOST_AGE_MS:g} ms"
    slope = sustained.slope_mib_s
    most = f"at most {MOST_MINE_SLOPE_MIB_S:g} MiB/s"
    return [
        Check(what, f"{sustained.share:.0%} of the frames, {age}", limits, sustained.kept_up),
        Check(f"{what}: growth of memory", f"{slope:+.3f} MiB/s", most, slope <= MOST_MINE_SLOPE_MIB_S),
    ]
