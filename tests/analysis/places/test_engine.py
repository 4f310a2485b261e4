from datetime import UTC

import numpy as np
from tests.davy_aggregator.conftest import make_site

from davy.analysis.base import Picture
from davy.analysis.places.book import PlaceBook
from davy.analysis.places.engine import Places
from davy.analysis.tracks import Track
from davy.place_rules import PersonInZone, Schedule, Zone

ZONE = Zone(name="sump", polygon=((0.3, 0.3), (0.7, 0.3), (0.7, 0.9), (0.3, 0.9)))
IMAGE = np.full((90, 160, 3), 90, np.uint8)
NOON_S = 1_767_268_800  # 2026-01-01 12:00 UTC, a Thursday


def inside(x=0.5):
    return Track(4, "person", (x - 0.05, 0.3, x + 0.05, 0.8), 0.9, 0.0, True)


def play(rule, looks, start_s=NOON_S):
    places = Places([ZONE], [], [rule], zone=UTC)
    return [places.update(Picture(IMAGE, round((start_s + 0.5 * k) * 1e9)), tracks)[0].active for k, tracks in enumerate(looks)]


def test_a_rule_is_active_after_its_duration_and_over_after_the_person_left():
    rule = PersonInZone(name="keep-out", zone="sump", for_s=1.0)
    active = play(rule, [[inside()]] * 4 + [[]] * 5)
    assert active == [False, False, True, True, True, True, True, False, False]


def test_a_person_beside_the_zone_is_none_of_its_business():
    assert not any(play(PersonInZone(name="keep-out", zone="sump", for_s=0), [[inside(0.1)]] * 5))


def test_a_rule_sleeps_outside_its_schedule():
    rule = PersonInZone(name="night", zone="sump", for_s=0, schedule=Schedule(start="22:00", end="06:00"))
    assert not any(play(rule, [[inside()]] * 3))
    assert all(play(rule, [[inside()]] * 3, NOON_S + 11 * 3600))


def test_an_observation_carries_rule_kind_severity_and_the_person_s_box():
    places = Places([ZONE], [], [PersonInZone(name="keep-out", zone="sump", for_s=0, severity="warning")], zone=UTC)
    (found,) = places.update(Picture(IMAGE, NOON_S * 10**9), [inside()])
    assert (found.kind, found.part, found.severity.label) == ("person-in-zone", "keep-out", "warning")
    (mark,) = found.marks
    assert np.allclose([mark.x, mark.y, mark.width, mark.height], [0.45, 0.3, 0.1, 0.5]) and mark.label == "person"


def test_a_disabled_rule_observes_nothing():
    rule = PersonInZone(name="keep-out", zone="sump", enabled=False)
    assert Places([ZONE], [], [rule]).update(Picture(IMAGE, NOON_S * 10**9), [inside()]) == []


def test_schedules_are_read_in_the_time_zone_of_the_site():
    site = make_site().model_copy(update={"time_zone": "Asia/Shanghai"})
    book = PlaceBook(site)
    rule = PersonInZone(name="night", zone="sump", for_s=0, schedule=Schedule(start="19:00", end="21:00"))
    night = Places([ZONE], [], [rule], zone=book.zone())
    assert night.update(Picture(IMAGE, NOON_S * 10**9), [inside()])[0].active  # 20:00 in Shanghai
    book.reconfigure(site.model_copy(update={"time_zone": "Europe/Warsaw"}))
    later = Places([ZONE], [], [rule], zone=book.zone())
    assert not later.update(Picture(IMAGE, NOON_S * 10**9), [inside()])[0].active  # 13:00 in Warsaw
