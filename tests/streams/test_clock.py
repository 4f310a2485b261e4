import pytest

from davy.streams.clock import ClockOffset

MS, S = 1_000_000, 1_000_000_000
T0 = 1_800_000_000 * S


def test_a_frame_is_as_old_as_it_says_where_the_clocks_agree():
    clock = ClockOffset()
    assert clock.observe(T0, T0 + 80 * MS) == pytest.approx(0.08)
    assert clock.offset_ns == 0


def test_a_frame_from_slightly_ahead_is_new():
    assert ClockOffset().observe(T0 + 50 * MS, T0) == 0


def test_an_old_frame_counts_as_old_at_first():
    assert ClockOffset().observe(T0, T0 + 60 * S) == 60


def test_a_backlog_after_a_stall_is_never_taken_for_new():
    clock = ClockOffset()
    clock.observe(T0, T0)
    ages = [clock.observe(T0 + n * 100 * MS, T0 + 60 * S + n * MS) for n in range(4)]
    assert min(ages) > 59
    assert clock.observe(T0 + 60 * S, T0 + 60 * S + 30 * MS) == pytest.approx(0.03)


def test_f13_an_hour_of_difference_is_the_clocks_after_5_s():
    for hour_ns in (3600 * S, -3600 * S):
        clock = ClockOffset()
        for n in range(60):
            clock.observe(T0 + n * 100 * MS - hour_ns, T0 + n * 100 * MS + 20 * MS)
        assert clock.observe(T0 + 6 * S - hour_ns, T0 + 6 * S + 50 * MS) <= 0.05
        assert abs(clock.offset_ns - hour_ns) < 100 * MS


def test_f13_a_clock_that_is_set_right_is_trusted_again():
    clock = ClockOffset()
    clock.observe(T0 + 600 * S, T0)
    assert clock.offset_ns == -600 * S
    for n in range(60):
        clock.observe(T0 + n * 100 * MS, T0 + n * 100 * MS + 20 * MS)
    assert clock.offset_ns == 0
    assert clock.observe(T0 + 6 * S, T0 + 6 * S + 20 * MS) == pytest.approx(0.02)


@pytest.mark.parametrize("behind_ns", [3600 * S, -3600 * S, 800 * MS, 0])
def test_without_trust_the_quickest_frame_is_new_and_the_others_are_older_by_their_delay(behind_ns):
    clock = ClockOffset(trust_s=0)
    delays_ms = [40, 20, 90, 20, 540]
    ages = [clock.observe(T0 + n * 100 * MS - behind_ns, T0 + n * 100 * MS + delay * MS) for n, delay in enumerate(delays_ms)]
    assert ages == pytest.approx([0, 0, 0.07, 0, 0.52])


def test_without_trust_a_clock_that_is_stepped_back_is_believed_after_5_s():
    clock = ClockOffset(trust_s=0)
    clock.observe(T0, T0 + 20 * MS)
    ages = [clock.observe(T0 + n * 100 * MS - 60 * S, T0 + n * 100 * MS + 20 * MS) for n in range(1, 60)]
    assert ages[0] == 60
    assert ages[-1] == 0
