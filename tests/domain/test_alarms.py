from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.domain.alarm_rules import DEFAULT_RULES, OTHER, AlarmRule, RuleChange, find_rule
from davy.domain.alarms import (
    NS,
    Alarm,
    AlarmPoint,
    AlarmState,
    Answer,
    Condition,
    Step,
    Transition,
    acknowledge,
    due_ns,
    report,
    settle,
    shelve,
    suppress,
    unshelve,
)
from davy.domain.errors import InvalidIdError
from davy.domain.severity import Severity

POINT = AlarmPoint("lens-blocked", "north.face")
PLAIN = AlarmRule(off_delay_s=0)
START_S = 1000.0
HOLDS, OVER = Condition(True, "the lens is covered"), Condition(False)


class Desk:
    """One alarm over time, with what happened."""

    def __init__(self, rule: AlarmRule = PLAIN) -> None:
        self.rule, self.alarm, self.now_s, self.happened = rule, Alarm(POINT), START_S, []

    def take(self, step: Step) -> AlarmState:
        self.alarm = step.alarm
        self.happened += [change.transition.value for change in step.changes]
        return self.alarm.state

    @property
    def now_ns(self) -> int:
        return int(self.now_s * NS)

    def report(self, condition: Condition) -> AlarmState:
        return self.take(report(self.alarm, self.rule, condition, self.now_ns))

    def wait(self, seconds: float) -> AlarmState:
        self.now_s += seconds
        return self.take(settle(self.alarm, self.rule, self.now_ns))

    def acknowledge(self, who: str = "ada", words: str = "") -> AlarmState:
        return self.take(acknowledge(self.alarm, self.rule, Answer(who, words, self.now_ns)))

    def shelve(self, seconds: float) -> AlarmState:
        return self.take(shelve(self.alarm, self.now_ns + int(seconds * NS), Answer("ada", "being repaired", self.now_ns)))


def test_an_alarm_is_raised_acknowledged_and_cleared():
    desk = Desk()
    assert desk.report(HOLDS) == AlarmState.UNACKNOWLEDGED
    assert desk.acknowledge("ada", "I send Bob") == AlarmState.ACKNOWLEDGED
    assert (desk.alarm.acknowledged.who, desk.alarm.acknowledged.words) == ("ada", "I send Bob")
    assert desk.report(OVER) == AlarmState.NORMAL
    assert desk.happened == ["raised", "acknowledged", "cleared"]


def test_an_alarm_whose_condition_ends_waits_for_its_answer():
    desk = Desk()
    desk.report(HOLDS)
    assert desk.report(OVER) == AlarmState.RETURNED
    assert desk.acknowledge() == AlarmState.NORMAL
    assert desk.happened == ["raised", "returned", "acknowledged", "cleared"]


def test_a_condition_that_returns_before_the_answer_is_one_alarm_more():
    desk = Desk()
    for condition in (HOLDS, OVER, HOLDS):
        desk.report(condition)
        desk.now_s += 1
    assert desk.alarm.state == AlarmState.UNACKNOWLEDGED
    assert desk.alarm.occurrence == 2
    assert desk.alarm.unanswered_ns == START_S * NS  # since the first one


def test_an_alarm_waits_for_its_on_delay_and_its_off_delay():
    desk = Desk(AlarmRule(on_delay_s=5, off_delay_s=10))
    assert desk.report(HOLDS) == AlarmState.NORMAL
    assert due_ns(desk.alarm, desk.rule) == (START_S + 5) * NS
    assert desk.wait(4.9) == AlarmState.NORMAL
    assert desk.wait(0.1) == AlarmState.UNACKNOWLEDGED
    desk.acknowledge()
    desk.report(OVER)
    assert desk.wait(9.9) == AlarmState.ACKNOWLEDGED
    assert desk.wait(0.1) == AlarmState.NORMAL
    assert due_ns(desk.alarm, desk.rule) is None


def test_a_condition_shorter_than_the_on_delay_raises_nothing():
    desk = Desk(AlarmRule(on_delay_s=5))
    desk.report(HOLDS)
    desk.wait(4)
    desk.report(OVER)
    desk.wait(60)
    assert desk.happened == []


def test_the_same_report_again_changes_nothing():
    desk = Desk()
    for _ in range(50):
        desk.report(HOLDS)
        desk.now_s += 1
    assert desk.happened == ["raised"]


def test_a_latching_alarm_stays_active_until_it_is_acknowledged():
    desk = Desk(AlarmRule(latching=True, off_delay_s=0))
    desk.report(HOLDS)
    desk.report(OVER)
    assert desk.wait(3600) == AlarmState.UNACKNOWLEDGED
    assert desk.acknowledge() == AlarmState.NORMAL


def test_an_acknowledged_latching_alarm_ends_with_its_condition():
    desk = Desk(AlarmRule(latching=True, off_delay_s=0))
    desk.report(HOLDS)
    assert desk.acknowledge() == AlarmState.ACKNOWLEDGED
    assert desk.report(OVER) == AlarmState.NORMAL


def test_a_momentary_alarm_ends_by_its_acknowledgement_and_counts_repetitions():
    desk = Desk(OTHER)
    desk.report(HOLDS)
    desk.now_s += 1
    desk.report(HOLDS)
    assert (desk.alarm.state, desk.alarm.occurrence) == (AlarmState.UNACKNOWLEDGED, 2)
    assert desk.acknowledge() == AlarmState.NORMAL
    desk.now_s += 1
    assert desk.report(HOLDS) == AlarmState.UNACKNOWLEDGED


def test_an_alarm_that_needs_no_answer_disappears_with_its_condition():
    desk = Desk(AlarmRule(needs_acknowledgement=False, off_delay_s=0))
    assert desk.report(HOLDS) == AlarmState.UNACKNOWLEDGED
    assert desk.report(OVER) == AlarmState.NORMAL


def test_a_chattering_alarm_stays_raised_until_it_is_quiet():
    desk = Desk(AlarmRule(off_delay_s=0, chatter_count=3, chatter_window_s=60))
    for _ in range(20):
        desk.report(HOLDS)
        desk.wait(1)
        desk.report(OVER)
        desk.wait(1)
    assert desk.happened.count("raised") == 3
    assert desk.happened.count("chattering") == 1
    assert desk.alarm.state == AlarmState.UNACKNOWLEDGED
    assert desk.wait(57) == AlarmState.UNACKNOWLEDGED
    assert desk.wait(3) == AlarmState.RETURNED


def test_a_shelved_alarm_is_hidden_and_comes_back_unanswered():
    desk = Desk()
    desk.report(HOLDS)
    assert desk.shelve(600) == AlarmState.SHELVED
    assert desk.report(OVER) == AlarmState.SHELVED
    assert desk.report(HOLDS) == AlarmState.SHELVED
    assert due_ns(desk.alarm, desk.rule) == (START_S + 600) * NS
    assert desk.wait(600) == AlarmState.UNACKNOWLEDGED
    assert desk.alarm.unanswered_ns == (START_S + 600) * NS
    assert desk.happened == ["raised", "shelved", "cleared", "raised", "unshelved"]


def test_a_shelved_alarm_whose_condition_is_over_comes_back_as_normal():
    desk = Desk()
    desk.report(HOLDS)
    desk.shelve(600)
    desk.report(OVER)
    assert desk.take(unshelve(desk.alarm, Answer("ada", "", desk.now_ns))) == AlarmState.NORMAL


def test_a_suppressed_condition_raises_nothing_until_it_explains_itself():
    desk = Desk()
    assert desk.report(replace(HOLDS, suppressed=True)) == AlarmState.SUPPRESSED
    assert desk.alarm.unanswered_ns == 0
    assert desk.report(HOLDS) == AlarmState.UNACKNOWLEDGED
    assert desk.alarm.unanswered_ns == desk.now_ns


def test_an_unanswered_alarm_survives_its_suppression():
    desk = Desk()
    desk.report(HOLDS)
    desk.report(replace(OVER, suppressed=True))
    assert desk.take(suppress(desk.alarm, False, desk.now_ns)) == AlarmState.RETURNED


def test_a_rule_out_of_service_hides_its_alarm():
    desk = Desk()
    desk.report(HOLDS)
    desk.rule = AlarmRule(enabled=False)
    assert desk.wait(0) == AlarmState.OUT_OF_SERVICE
    for condition in (OVER, HOLDS):
        assert desk.report(condition) == AlarmState.OUT_OF_SERVICE
    desk.rule = PLAIN
    assert desk.wait(0) == AlarmState.UNACKNOWLEDGED
    assert desk.happened == ["raised", "disabled", "enabled", "raised"]


@pytest.mark.parametrize("text", ["lens-blocked", "lens-blocked:", "a:b:", "a:b:c:d", "a:b c", "A:b", "a:../b", "a:b.c.d"])
def test_an_id_that_is_no_alarm_is_refused(text):
    with pytest.raises(InvalidIdError):
        AlarmPoint.parse(text)


@pytest.mark.parametrize("text", ["edge-offline:north", "lens-blocked:north.face", "person-in-zone:north.face:belt-drive"])
def test_an_id_names_its_point(text):
    assert AlarmPoint.parse(text).id == text


def test_the_most_specific_change_of_a_site_wins():
    changes = {
        "lens-blocked": RuleChange(on_delay_s=7, severity="warning"),
        "lens-blocked:north.face": RuleChange(on_delay_s=9),
    }
    found = find_rule("lens-blocked", "north.face", "lens-blocked:north.face", changes)
    assert (found.on_delay_s, found.level) == (9, Severity.WARNING)
    assert find_rule("lens-blocked", "north.belt", "lens-blocked:north.belt", changes).on_delay_s == 7
    assert find_rule("unheard-of", "north", "unheard-of:north", changes) is OTHER


def test_every_default_rule_says_what_it_means_and_what_to_do():
    for kind, rule in DEFAULT_RULES.items():
        assert rule.title and rule.consequence and rule.response, kind


DEEDS = st.one_of(
    st.builds(Condition, st.booleans(), suppressed=st.booleans()),
    st.sampled_from(["acknowledge", "shelve", "unshelve", "wait"]),
    st.floats(0, 100),
)
RULES = st.builds(
    AlarmRule,
    enabled=st.just(True),
    on_delay_s=st.sampled_from([0.0, 3.0]),
    off_delay_s=st.sampled_from([0.0, 5.0]),
    latching=st.booleans(),
    momentary=st.booleans(),
    needs_acknowledgement=st.just(True),
)


@given(RULES, st.lists(DEEDS, max_size=30))
def test_no_alarm_leaves_the_desk_without_an_answer(rule, deeds):
    """Between an annunciation and the next answer or shelving nothing clears an alarm; and `due_ns` tells every change."""
    desk = Desk(rule)
    for deed in deeds:
        before, happened = desk.alarm, len(desk.happened)
        match deed:
            case Condition():
                desk.report(deed)
            case "acknowledge":
                desk.acknowledge()
            case "shelve":
                desk.shelve(30)
            case "unshelve":
                desk.take(unshelve(desk.alarm, Answer("ada", "", desk.now_ns)))
            case _:
                due = due_ns(desk.alarm, rule)
                desk.wait(deed if isinstance(deed, float) else 1)
                if due is None or due > desk.now_ns:
                    assert desk.happened[happened:] == []
        desk.wait(0)
        if before.state.unanswered and "cleared" in desk.happened[happened:]:
            assert {"acknowledged", "shelved"} & {*desk.happened[happened:]}
        again = settle(desk.alarm, rule, desk.now_ns)
        assert again.changes == ()
        assert bool(desk.alarm.unanswered_ns) <= desk.alarm.state.unanswered
        assert Transition.CHATTERING not in desk.happened or desk.happened.count("raised") >= 3
