from davy_aggregator.clock import EdgeClock

MS, S = 1_000_000, 1_000_000_000
T0 = 1_800_000_000 * S


def test_a_frame_is_as_old_as_it_says_where_the_clocks_agree():
    clock = EdgeClock()
    assert clock.observe(T0, T0 + 80 * MS) == 80 * MS
    assert clock.skew_ms == 0


def test_a_frame_from_slightly_ahead_is_new():
    assert EdgeClock().observe(T0 + 50 * MS, T0) == 0


def test_an_old_frame_counts_as_old_at_first():
    assert EdgeClock().observe(T0, T0 + 60 * S) == 60 * S


def test_a_backlog_after_a_stall_is_never_taken_for_new():
    clock = EdgeClock()
    clock.observe(T0, T0)
    ages = [clock.observe(T0 + n * 100 * MS, T0 + 60 * S + n * MS) for n in range(4)]
    assert min(ages) > 59 * S
    assert clock.observe(T0 + 60 * S, T0 + 60 * S + 30 * MS) == 30 * MS


def test_f13_an_hour_of_difference_is_the_clocks_after_5_s():
    for hour_ns in (3600 * S, -3600 * S):
        clock = EdgeClock()
        for n in range(60):
            clock.observe(T0 + n * 100 * MS - hour_ns, T0 + n * 100 * MS + 20 * MS)
        assert clock.observe(T0 + 6 * S - hour_ns, T0 + 6 * S + 50 * MS) <= 50 * MS
        assert abs(clock.skew_ms - hour_ns / MS) < 100


def test_f13_a_clock_that_is_set_right_is_trusted_again():
    clock = EdgeClock()
    clock.observe(T0 + 600 * S, T0)
    assert clock.skew_ms == -600_000
    for n in range(60):
        clock.observe(T0 + n * 100 * MS, T0 + n * 100 * MS + 20 * MS)
    assert clock.skew_ms == 0
    assert clock.observe(T0 + 6 * S, T0 + 6 * S + 20 * MS) == 20 * MS
