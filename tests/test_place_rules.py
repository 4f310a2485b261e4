import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from davy.place_rules import DAYS, RULE_TYPES, Line, PlaceRule, Schedule, Zone
from davy.site import CameraConfig

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
SQUARE = {"name": "sump", "polygon": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5], [0.1, 0.5]]}


def camera(**more):
    return CameraConfig.model_validate({"source": "simulator://gallery", **more})


def at(hours):
    return MONDAY + timedelta(hours=hours)


def test_a_camera_without_rules_has_none():
    assert camera().rules == () == camera().zones


@pytest.mark.parametrize("kind", [each.model_fields["kind"].default for each in RULE_TYPES])
def test_every_kind_of_rule_survives_json(kind):
    plain = {"kind": kind, "name": "r", "zone": "sump", "most": 3, "line": "gate"}
    fields = next(each for each in RULE_TYPES if each.model_fields["kind"].default == kind).model_fields
    config = camera(
        zones=[SQUARE],
        lines=[{"name": "gate", "start": [0, 0.5], "end": [1, 0.5]}],
        rules=[{name: value for name, value in plain.items() if name in fields}],
    )
    plain_config = {**config.model_dump(mode="json"), "source": "simulator://gallery"}  # dumps hide what may be a password
    assert CameraConfig.model_validate_json(json.dumps(plain_config)) == config


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"kind": "person-in-zone", "name": "a", "zone": "nowhere"}], "no zone 'nowhere'"),
        ([{"kind": "line-crossed", "name": "a", "line": "gate"}], "no line 'gate'"),
        ([{"kind": "smoke", "name": "a"}, {"kind": "smoke", "name": "a"}], "stands twice"),
        ([{"kind": "dancing", "name": "a"}], "kind"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_with_its_reason(rules, message):
    with pytest.raises(ValidationError, match=message):
        camera(zones=[SQUARE], rules=rules)


@pytest.mark.parametrize("polygon", [[[0, 0], [1, 1]], [[0, 0], [1, 1], [0.5, 0.5]], [[0, 0], [2, 0], [0, 1]]])
def test_a_polygon_without_area_or_outside_the_picture_is_refused(polygon):
    with pytest.raises(ValidationError):
        Zone.model_validate({"name": "z", "polygon": polygon})


def test_a_line_without_length_is_refused():
    with pytest.raises(ValidationError, match="no length"):
        Line.model_validate({"name": "l", "start": [0.5, 0.5], "end": [0.5, 0.5]})


def test_a_night_shift_ends_on_the_next_morning():
    night = Schedule(days=("mon",), start="22:00", end="06:00")
    assert [night.covers(at(hour)) for hour in (21.9, 22, 29.9, 30, 22 + 24)] == [False, True, True, False, False]


def test_equal_times_mean_all_day():
    assert all(Schedule().covers(at(hour)) for hour in range(0, 170, 7))
    assert [Schedule(days=("tue",)).covers(at(hour)) for hour in (23, 24, 47.9, 48)] == [False, True, True, False]


@given(st.integers(0, 7 * 24 * 60 - 1), st.sets(st.sampled_from(DAYS), min_size=1), st.integers(0, 1439), st.integers(0, 1439))
def test_a_schedule_covers_as_much_of_a_week_as_it_says(minute, days, start, end):
    clock = [f"{each // 60:02}:{each % 60:02}" for each in (start, end)]
    schedule = Schedule(days=tuple(days), start=clock[0], end=clock[1])
    length = (end - start) % 1440 or 1440
    now = MONDAY + timedelta(minutes=minute)
    begins = [MONDAY + timedelta(days=day, minutes=start) for day in range(-1, 8) if DAYS[day % 7] in days]
    assert schedule.covers(now) == any(begin <= now < begin + timedelta(minutes=length) for begin in begins)


def test_the_schema_names_every_kind():
    schema = TypeAdapter(PlaceRule).json_schema()
    assert len(schema["discriminator"]["mapping"]) == len(RULE_TYPES)


WARSAW = ZoneInfo("Europe/Warsaw")


def covered_hours(schedule, begin, hours):
    """For how long a schedule holds, looked at every five minutes of real time."""
    moments = [begin.astimezone(UTC) + timedelta(minutes=5 * step) for step in range(12 * hours)]
    return sum(schedule.covers(moment.astimezone(WARSAW)) for moment in moments) / 12


@pytest.mark.parametrize(
    ("date", "hours", "night", "early"),
    [
        (datetime(2026, 3, 29, tzinfo=WARSAW), 23, 7.0, 0.0),  # at 02:00 it is 03:00: half past two does not exist
        (datetime(2026, 10, 25, tzinfo=WARSAW), 25, 9.0, 2.0),  # at 03:00 it is 02:00 again: the hour comes twice
        (datetime(2026, 6, 1, tzinfo=WARSAW), 24, 8.0, 1.0),
    ],
)
def test_a_schedule_follows_the_clock_on_the_wall_on_days_of_23_and_25_hours(date, hours, night, early):
    assert (date + timedelta(days=1)).astimezone(UTC) - date.astimezone(UTC) == timedelta(hours=hours)
    assert covered_hours(Schedule(), date, hours) == hours
    evening = date - timedelta(hours=12)
    assert covered_hours(Schedule(start="22:00", end="06:00"), evening, 20) == night  # the night before, across midnight
    assert covered_hours(Schedule(start="02:00", end="03:00"), date, hours) == early
    day = DAYS[date.weekday()]
    assert covered_hours(Schedule(days=(day,), start="12:00", end="14:00"), date, hours) == 2
