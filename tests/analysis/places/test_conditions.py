import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.analysis.places.conditions import MAX_GAP_S, Timer, condition
from davy.analysis.places.situation import Situation, ZonePixels
from davy.analysis.tracks import Track
from davy.place_rules import (
    BeltEmpty,
    BeltStopped,
    Crowd,
    HelmetMissing,
    LineCrossed,
    Loitering,
    NobodyThere,
    ObjectLeft,
    PersonInZone,
    PersonOnBelt,
    Smoke,
)

COUNTS = st.integers(0, 12)


def person(number=1, box=(0.4, 0.2, 0.5, 0.6), label="person"):
    return Track(number, label, box, 0.9, 0.0, True)


def look(people=0, now_s=100.0, pixels=None, **more):
    tracks = [person(k) for k in range(people)]
    return Situation(now_s, tracks, {"z": tracks}, pixels={"z": pixels or ZonePixels(), "": pixels or ZonePixels()}, **more)


def holds(rule, situation):
    return condition(rule, situation).holds


@given(COUNTS)
def test_one_person_in_a_forbidden_zone_is_enough(count):
    found = condition(PersonInZone(name="r", zone="z"), look(count))
    assert found.holds == (count > 0) and len(found.tracks) == count


@given(COUNTS, st.integers(1, 10))
def test_a_crowd_is_more_than_the_most_and_fewer_people_never_make_one(count, most):
    rule = Crowd(name="r", zone="z", most=most)
    assert holds(rule, look(count)) == (count > most)
    assert holds(rule, look(count)) or not holds(rule, look(max(count - 1, 0)))


@given(COUNTS, st.integers(1, 10))
def test_crowd_and_nobody_there_never_hold_together_where_least_is_most(count, limit):
    crowd, nobody = Crowd(name="a", zone="z", most=limit), NobodyThere(name="b", zone="z", least=limit)
    assert not (holds(crowd, look(count)) and holds(nobody, look(count)))


@pytest.mark.parametrize(("people", "motion", "expected"), [(1, 0.05, True), (1, 0.0, False), (0, 0.05, False)])
def test_a_person_on_a_belt_matters_while_the_belt_runs(people, motion, expected):
    assert holds(PersonOnBelt(name="r", zone="z"), look(people, pixels=ZonePixels(motion=motion))) == expected


@given(st.floats(0, 500), st.floats(1, 400))
def test_loitering_counts_the_time_of_one_person(stays_s, for_s):
    situation = look(1, entered_s={("z", 0): 100.0 - stays_s})
    assert holds(Loitering(name="r", zone="z", for_s=for_s), situation) == (100.0 - (100.0 - stays_s) >= for_s)


@pytest.mark.parametrize(("direction", "expected"), [("in", True), ("out", False), ("both", True)])
def test_a_crossing_counts_in_its_direction_for_a_while(direction, expected):
    rule = LineCrossed(name="r", line="l", direction=direction, hold_s=5)
    crossed = {("l", "person", "in"): (97.0, person())}
    assert holds(rule, look(crossed_s=crossed)) == expected
    assert not holds(rule, look(now_s=103.0, crossed_s=crossed))


def test_something_new_in_an_empty_zone_was_left_there():
    rule, new = ObjectLeft(name="r", zone="z"), ZonePixels(changed=0.1, known=True)
    assert holds(rule, look(0, pixels=new))
    assert not holds(rule, look(1, pixels=new)) and not holds(rule, look(0, pixels=ZonePixels(changed=0.1)))


def test_a_person_without_a_helmet_on_the_head_is_named():
    rule, labels = HelmetMissing(name="r"), frozenset({"person", "helmet"})
    on_head, in_hand = (person(9, box, "helmet") for box in ((0.42, 0.2, 0.48, 0.26), (0.42, 0.5, 0.48, 0.56)))
    assert not holds(rule, Situation(0, [person(), on_head], labels=labels))
    assert holds(rule, Situation(0, [person(), in_hand], labels=labels))
    assert not holds(rule, Situation(0, [person()])), "a detector that knows no helmets says nothing"


@given(st.floats(0, 2), st.floats(0, 1))
def test_smoke_is_a_loss_of_contrast(contrast, limit):
    rule = Smoke(name="r", contrast=limit)
    assert holds(rule, look(pixels=ZonePixels(contrast=contrast, known=True))) == (contrast <= limit)


@given(st.floats(0, 1))
def test_a_belt_is_never_stopped_and_empty_at_once(motion):
    pixels = ZonePixels(motion=motion, texture=0.3, known=True)
    stopped, empty = BeltStopped(name="a", zone="z", motion=0.02), BeltEmpty(name="b", zone="z", motion=0.02)
    assert holds(stopped, look(pixels=pixels)) != holds(empty, look(pixels=pixels))


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 5.0)), max_size=40), st.floats(0, 20))
def test_a_condition_never_lasts_before_its_duration_nor_over_a_long_gap(looks, for_s):
    timer, now_s, held_s, last_s = Timer(), 0.0, None, -1e9
    for held, step_s in looks:
        now_s += step_s
        if held:
            held_s = now_s if held_s is None else held_s
            last_s = now_s
        elif now_s - last_s > MAX_GAP_S:
            held_s = None
        timer = timer.step(held, now_s)
        assert timer.lasted(for_s, now_s) == (held_s is not None and now_s - held_s >= for_s)
