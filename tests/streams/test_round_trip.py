import pytest

from davy.streams.round_trip import RoundTripWindow


def run(window: RoundTripWindow[str], fps: float, trip_s: float, count: int = 40, start_s: float = 0.0) -> int:
    for number in range(count):
        at_s = start_s + number / fps
        window.offer("face", at_s)
        window.send("face", number, at_s)
        window.answer("face", number, at_s + trip_s)
    return window.window


@pytest.mark.parametrize(
    ("fps", "trip_s", "expected"),
    [(10, 0.02, 4), (10, 0.4, 5), (20, 0.4, 9), (10, 1.5, 16), (120, 1.5, 16)],
)
def test_the_window_holds_what_is_under_way_within_four_times_the_granted_one(fps, trip_s, expected):
    assert run(RoundTripWindow(4), fps, trip_s) == expected


def test_a_queue_on_the_way_makes_no_larger_window():
    window = RoundTripWindow(4)
    run(window, 10, 0.05)
    for number in range(20):  # later and later, as a link that is full answers
        at_s = 10 + number / 10
        window.offer("face", at_s)
        window.send("face", 1000 + number, at_s)
        window.answer("face", 1000 + number, at_s + 0.05 + number * 0.1)
    assert window.window == 4


@pytest.mark.parametrize(
    ("fps", "trip_s", "expected"),
    [(10, 0.02, 0.13), (30, 0.02, 0.03), (20, 0.4, 0.0), (1, 0.02, 1.48)],
)
def test_an_acknowledgement_may_wait_for_half_of_what_the_window_leaves(fps, trip_s, expected):
    window = RoundTripWindow(4)
    run(window, fps, trip_s)
    assert window.spare_s("face") == pytest.approx(expected)


def test_no_acknowledgement_waits_before_the_path_is_known():
    window = RoundTripWindow(4)
    window.offer("face", 0.0)
    assert window.spare_s("face") == 0


def test_another_connection_begins_with_the_granted_window():
    window = RoundTripWindow(4)
    assert run(window, 20, 0.4) == 9
    window.restart(2)
    assert window.window == 2
