from davy_bench.speed.checks import speed_checks
from davy_bench.speed.load import Load, SustainedLoad
from davy_bench.speed.protection import CLOSED, ENCRYPTED, MODES, OPEN, Protection
from davy_bench.speed.report import protection_table
from davy_bench.speed.result import Speed

LOAD = Load(4, (1280, 720), 10, 20)


def run(cpu_s: float, age_ms: float) -> SustainedLoad:
    return SustainedLoad(LOAD, [10.0] * 4, age_ms, 2 * age_ms, cpu_s=cpu_s, span_s=20)


def test_the_cost_is_a_ratio_within_each_round():
    """The second round ran on a slower machine: its own open mine is what it is compared with."""
    rounds = [
        {OPEN: run(16, 20), CLOSED: run(16.2, 20.5), ENCRYPTED: run(16.8, 21)},
        {OPEN: run(32, 40), CLOSED: run(32.4, 41), ENCRYPTED: run(33.6, 42)},
    ]
    found = Protection(LOAD, rounds)
    assert round(found.cpu_ratio(ENCRYPTED), 3) == 1.05
    assert found.cpu_ms(OPEN) == 30.0
    assert found.added_age_ms(ENCRYPTED) == 1.5
    assert found.added_age_range_ms(ENCRYPTED) == (1.25, 1.75)
    assert len(protection_table(found)) == 2 + len(MODES)


def test_five_percent_and_two_milliseconds_are_the_limits():
    def passed(cpu_s: float, age_ms: float) -> list[bool]:
        runs = {OPEN: run(16, 20), CLOSED: run(16, 20), ENCRYPTED: run(cpu_s, age_ms)}
        return [check.passed for check in speed_checks(Speed("model", protection=Protection(LOAD, [runs])))]

    assert passed(16.7, 21.9) == [True, True]
    assert passed(17.0, 22.1) == [False, False]
