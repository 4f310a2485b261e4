"""An edge whose clock is an hour off: pictures of the right age, a metric, a field, one event, and one when it is set right."""

import time

import pytest
from tests.davy_aggregator.conftest import envelope, push, until

pytestmark = pytest.mark.system

HOUR_S = 3600.0


async def events(aggregator, kind):
    return (await aggregator.get("/v1/events", params={"kind": kind})).json()["events"]


@pytest.mark.parametrize("ahead_s", [HOUR_S, 30.0])
async def test_f13_a_clock_that_is_ahead_is_one_event_and_a_figure_of_the_camera(aggregator, ahead_s):
    await push(aggregator, envelope(1, age_s=-ahead_s))
    (event,) = await until(lambda: events(aggregator, "clock-skew"))
    assert event["message"] == f"the clock of edge north is {ahead_s:.0f} s ahead of this one; synchronise it (NTP)"
    await push(aggregator, envelope(2, age_s=-ahead_s))  # the event may have taken longer than a frame is live
    camera = (await aggregator.get("/v1/cameras/north.face")).json()
    assert camera["clock_skew_ms"] == pytest.approx(-1000 * ahead_s, abs=2000)
    assert camera["state"] == "live"
    value = aggregator.registry.get_sample_value("davy_aggregator_clock_skew_seconds", {"edge": "north"})
    assert value == pytest.approx(-ahead_s, abs=2)
    assert aggregator.registry.get_sample_value("davy_aggregator_clock_skew_seconds", {"edge": "thin"}) is None


async def test_f13_a_clock_that_is_set_right_is_one_more_event(aggregator, monkeypatch):
    monkeypatch.setattr("davy.streams.clock.CONFIRM_S", 0.5)
    await push(aggregator, envelope(1, age_s=-HOUR_S))
    await until(lambda: events(aggregator, "clock-skew"))
    deadline = time.monotonic() + 5
    for seq in range(2, 100):
        await push(aggregator, envelope(seq))
        if await events(aggregator, "clock-agrees"):
            break
        assert time.monotonic() < deadline
    assert len(await events(aggregator, "clock-skew")) == 1
