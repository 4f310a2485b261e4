import pytest

from davy_bench.speed.cameras import Load, SustainedLoad
from davy_bench.speed.checks import speed_checks
from davy_bench.speed.methods import CLAHE, LEARNED, STILL, VIDEO, VIDEO_YUV
from davy_bench.speed.result import Speed


def speed(still=8.0, video=5.0, yuv=3.0, learned=60.0):
    def raced(scale):
        ms = {CLAHE: 20, STILL: still, VIDEO: video, VIDEO_YUV: yuv, LEARNED[0]: 3 * learned, LEARNED[1]: learned}
        return {(name, threads): [value * scale] * 3 for name, value in ms.items() for threads in (1, 2)}

    return Speed("ispcnn-0", {"720p": raced(4 / 9), "1080p": raced(1.0), "4K": raced(4.0)})


def named(checks):
    return {(check.what, check.wanted): check for check in checks}


def test_all_is_reached_where_all_is_just_reached():
    found = speed_checks(speed())
    assert len(found) == 9
    assert all(check.reached for check in found)


@pytest.mark.parametrize(
    ("changed", "short"),
    [
        ({"still": 8.1}, "Davy still, 1 thread"),
        ({"video": 5.1}, "Davy video, 1 thread"),
        ({"yuv": 3.1}, f"{VIDEO_YUV}, 1 thread"),
    ],
)
def test_a_little_more_time_over_clahe_is_short(changed, short):
    found = speed_checks(speed(**changed, learned=100))
    assert {check.what for check in found if not check.reached} == {f"1080p, {short}"}


def test_the_learned_peer_counts_on_its_best_engine():
    found = named(speed_checks(speed(learned=20)))
    check = found["1080p, Davy video, 2 threads", "at least 6"]
    assert not check.reached
    assert check.found == f"4.0 times as fast as {LEARNED[1]}"


def test_past_the_knee_no_camera_starves_and_ages_stay_bounded():
    def sustained(cameras, fps, age_ms=200.0):
        return SustainedLoad(Load(cameras, (160, 120), 10, 20), fps, age_ms, age_ms)

    fair, unfair = speed(), speed()
    fair.cameras = [sustained(1, [10]), sustained(4, [4, 5, 5, 5])]
    unfair.cameras = [sustained(1, [10]), sustained(4, [1, 9, 9, 9], 600.0)]
    assert not [check for check in speed_checks(fair) if "past the knee" in check.what and not check.reached]
    assert len([check for check in speed_checks(unfair) if "past the knee" in check.what and not check.reached]) == 2
    fair.cameras = [sustained(1, [10])]
    assert not [check for check in speed_checks(fair) if "past the knee" in check.what]
