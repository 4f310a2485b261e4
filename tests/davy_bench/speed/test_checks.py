import pytest

from davy_bench.speed.checks import speed_checks
from davy_bench.speed.load import Load, SustainedLoad
from davy_bench.speed.methods import CLAHE, LEARNED, STILL, VIDEO, VIDEO_YUV
from davy_bench.speed.result import Speed

BEYOND = "beyond the saturation point"


def speed(still=8.0, video=5.0, yuv=3.0, learned=60.0):
    def timings(scale):
        ms = {CLAHE: 20, STILL: still, VIDEO: video, VIDEO_YUV: yuv, LEARNED[0]: 3 * learned, LEARNED[1]: learned}
        return {(name, threads): [value * scale] * 3 for name, value in ms.items() for threads in (1, 2)}

    return Speed("ispcnn-0", {"720p": timings(4 / 9), "1080p": timings(1.0), "4K": timings(4.0)})


def named(checks):
    return {(check.name, check.target): check for check in checks}


def test_figures_at_their_limits_pass():
    found = speed_checks(speed())
    assert len(found) == 9
    assert all(check.passed for check in found)


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({"still": 8.1}, "Davy still, 1 thread"),
        ({"video": 5.1}, "Davy video, 1 thread"),
        ({"yuv": 3.1}, f"{VIDEO_YUV}, 1 thread"),
    ],
)
def test_slightly_more_time_over_clahe_fails(changed, failed):
    found = speed_checks(speed(**changed, learned=100))
    assert {check.name for check in found if not check.passed} == {f"1080p, {failed}"}


def test_the_learned_peer_counts_on_its_best_engine():
    found = named(speed_checks(speed(learned=20)))
    check = found["1080p, Davy video, 2 threads", "at least 6"]
    assert not check.passed
    assert check.measured == f"4.0 times as fast as {LEARNED[1]}"


def test_beyond_the_saturation_point_no_camera_starves_and_ages_stay_bounded():
    def sustained(cameras, fps, age_ms=200.0):
        return SustainedLoad(Load(cameras, (160, 120), 10, 20), fps, age_ms, age_ms)

    fair, unfair = speed(), speed()
    fair.cameras = [sustained(1, [10]), sustained(4, [4, 5, 5, 5])]
    unfair.cameras = [sustained(1, [10]), sustained(4, [1, 9, 9, 9], 600.0)]
    assert not [check for check in speed_checks(fair) if "beyond the saturation point" in check.name and not check.passed]
    assert (
        len([check for check in speed_checks(unfair) if "beyond the saturation point" in check.name and not check.passed]) == 2
    )
    fair.cameras = [sustained(1, [10])]
    assert not [check for check in speed_checks(fair) if BEYOND in check.name]
