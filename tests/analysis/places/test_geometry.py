import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis.places.geometry import ZoneMap
from davy.analysis.tracks import Track
from davy.place_rules import Line, Zone

FRACTION = st.floats(0.02, 0.98)
LEFT_HALF = Zone(name="left", polygon=((0, 0), (0.5, 0), (0.5, 1), (0, 1)))
DOWN = Line(name="gate", start=(0.5, 0.0), end=(0.5, 1.0))


def standing(x, y, number=1):
    return Track(number, "person", (x - 0.02, max(y - 0.3, 0), x + 0.02, y), 0.9, 0.0, True)


@given(FRACTION, FRACTION)
def test_a_person_is_in_the_zone_where_the_feet_are(x, y):
    inside = ZoneMap([LEFT_HALF], []).inside([standing(x, y)])["left"]
    if abs(x - 0.5) > 0.003:  # a cell of the raster
        assert bool(inside) == (x < 0.5)


@given(st.lists(st.tuples(FRACTION, FRACTION), max_size=8))
def test_zones_count_each_person_once(points):
    halves = [LEFT_HALF, Zone(name="right", polygon=((0.505, 0), (1, 0), (1, 1), (0.505, 1)))]
    inside = ZoneMap(halves, []).inside([standing(x, y, k) for k, (x, y) in enumerate(points)])
    ids = [track.id for found in inside.values() for track in found]
    assert len(ids) == len(set(ids))


def crossings(path):
    places = ZoneMap([], [DOWN])
    return [(line, direction) for x in path for line, direction, _ in places.crossed([standing(x, 0.6)])]


def test_out_leads_from_the_left_of_a_line_to_its_right_seen_from_its_start():
    # downwards in the picture, the left hand is on the picture's right
    assert crossings([0.7, 0.6, 0.4, 0.3]) == [("gate", "out")]
    assert crossings([0.3, 0.4, 0.6, 0.7]) == [("gate", "in")]


def test_walking_beside_a_line_crosses_nothing():
    assert crossings([0.3, 0.45, 0.3, 0.45]) == []


@pytest.mark.parametrize("count", [0, 3])
def test_nobody_is_in_a_zone_of_an_empty_picture(count):
    zones = [Zone(name=f"z{k}", polygon=LEFT_HALF.polygon) for k in range(count)]
    assert ZoneMap(zones, []).inside([]) == {f"z{k}": [] for k in range(count)}


def test_whose_feet_are_hidden_by_somebody_in_front_stays_in_or_out_as_before():
    front = Track(1, "person", (0.45, 0.3, 0.55, 0.95), 0.9, 0.0, True)
    behind = Track(2, "person", (0.46, 0.25, 0.52, 0.5), 0.9, 0.0, True)  # the box ends where the other hides it
    zones = ZoneMap([Zone(name="track", polygon=((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)))], [])
    assert zones.inside([front, behind])["track"] == []
    assert zones.inside([behind])["track"] == [behind]
    assert zones.inside([front, behind])["track"] == [behind]
