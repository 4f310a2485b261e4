"""The state of an alarm after ISA-18.2 and IEC 62682, as pure functions.

    report(alarm, rule, ...)   the condition holds, or is over
    acknowledge, shelve, unshelve, suppress     what people and the design do
    settle(alarm, rule, now)   delays and shelving end
    due_ns(alarm, rule)        when `settle` will change something next

Each returns a `Step`: the new state and the transitions, which the store keeps as history. Call `settle` after what people do,
too: a latched alarm whose condition is over ends with its answer. Times are Unix times in ns.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from davy.domain.alarm_rules import AlarmRule
from davy.domain.camera import ID_PATTERN
from davy.domain.errors import InvalidIdError
from davy.domain.severity import Severity

MAX_TEXT = 500  # characters of a message and of an operator's words
SOURCE_PATTERN = rf"{ID_PATTERN}(\.{ID_PATTERN})?"
POINT_PATTERN = rf"{ID_PATTERN}:{SOURCE_PATTERN}(:{ID_PATTERN})?"
NS = 1_000_000_000


@dataclass(frozen=True, slots=True, order=True)
class AlarmPoint:
    """What an alarm is about; one point has one alarm at a time.

    Attributes:
        kind: The condition, `[a-z0-9-]{1,64}`, such as "lens-blocked".
        source: "edge.camera", an edge, or "aggregator".
        part: Part of the source, such as the name of a zone; empty for the whole.
    """

    kind: str
    source: str
    part: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(POINT_PATTERN, self.id):
            raise InvalidIdError("alarm", self.id)

    @classmethod
    def parse(cls, alarm_id: str) -> Self:
        """Read an id; raises InvalidIdError."""
        match alarm_id.split(":"):
            case [kind, source]:
                return cls(kind, source)
            case [kind, source, part] if part:
                return cls(kind, source, part)
        raise InvalidIdError("alarm", alarm_id)

    @property
    def id(self) -> str:
        """`kind:source` or `kind:source:part`, legal in a URL's path and as a level of an MQTT topic."""
        return ":".join(each for each in (self.kind, self.source, self.part) if each)

    @property
    def camera(self) -> str:
        """The camera's key "edge.camera"; empty if the source is no camera."""
        return self.source if "." in self.source else ""


class AlarmState(StrEnum):
    """The states of ISA-18.2. A latched alarm counts as active."""

    NORMAL = "normal"
    UNACKNOWLEDGED = "unacknowledged"  # active; nobody has answered
    ACKNOWLEDGED = "acknowledged"  # active; somebody has answered
    RETURNED = "returned"  # the condition is over; nobody has answered
    SHELVED = "shelved"  # hidden by a person, for a time
    SUPPRESSED = "suppressed"  # hidden by design: another alarm explains it
    OUT_OF_SERVICE = "out-of-service"  # disabled by its rule

    @property
    def stands(self) -> bool:
        """Whether the alarm is shown to operators."""
        return self in (AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED, AlarmState.RETURNED)

    @property
    def unanswered(self) -> bool:
        """Whether somebody has to acknowledge the alarm."""
        return self in (AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED)


class Transition(StrEnum):
    """A change of an alarm, in its history."""

    RAISED = "raised"
    RETURNED = "returned"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    CHATTERING = "chattering"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person did: the authenticated name, the words, and when."""

    who: str = ""
    words: str = ""
    at_ns: int = 0


@dataclass(frozen=True, slots=True)
class Alarm:
    """The alarm of one point.

    Attributes:
        point: What it is about.
        severity: Of the newest raise.
        message: One sentence about the condition.
        figures: Values of the condition.
        event: Id of the event with the picture; 0 for none.
        condition: Whether the condition holds, as reported last.
        condition_ns: Since when.
        active: The condition after its delays and latching.
        answered: False from a raise to its acknowledgement.
        occurrence: Number of raises since the point is known; names the present one.
        raised_ns: Time of the last raise.
        unanswered_ns: Since when somebody should answer; 0 if nobody has to. Escalation counts from it.
        returned_ns: When the condition ended; 0 while it is active.
        acknowledged: Who answered the present raise.
        shelved: Who shelved it.
        shelved_until_ns: End of shelving; 0 if it is not shelved.
        suppressed: Another alarm explains this one.
        disabled: Its rule is not enabled.
        raises: Times of the newest raises, for chatter.
        chattering: Raised too often: it stays raised until the condition was over for a while.
        escalated: Steps of escalation that were taken since unanswered_ns.
    """

    point: AlarmPoint
    severity: Severity = Severity.ALARM
    message: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    event: int = 0
    condition: bool = False
    condition_ns: int = 0
    active: bool = False
    answered: bool = True
    occurrence: int = 0
    raised_ns: int = 0
    unanswered_ns: int = 0
    returned_ns: int = 0
    acknowledged: Answer = Answer()
    shelved: Answer = Answer()
    shelved_until_ns: int = 0
    suppressed: bool = False
    disabled: bool = False
    raises: tuple[int, ...] = ()
    chattering: bool = False
    escalated: int = 0

    @property
    def state(self) -> AlarmState:
        """The state of ISA-18.2."""
        if self.disabled:
            return AlarmState.OUT_OF_SERVICE
        if self.shelved_until_ns:
            return AlarmState.SHELVED
        if self.suppressed and (self.active or not self.answered):
            return AlarmState.SUPPRESSED
        if self.active:
            return AlarmState.ACKNOWLEDGED if self.answered else AlarmState.UNACKNOWLEDGED
        return AlarmState.NORMAL if self.answered else AlarmState.RETURNED

    @property
    def is_hidden(self) -> bool:
        """Whether a person or the design keeps the alarm from operators."""
        return self.disabled or self.suppressed or bool(self.shelved_until_ns)


@dataclass(frozen=True, slots=True)
class Change:
    """One transition of an alarm, with who caused it and why; who is empty where nobody did."""

    transition: Transition
    at_ns: int
    who: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A new state of an alarm and the transitions that led to it, in order."""

    alarm: Alarm
    changes: tuple[Change, ...] = ()

    def then(self, alarm: Alarm, *changes: Change) -> "Step":
        """This step, followed by another."""
        return Step(alarm, (*self.changes, *changes))


@dataclass(frozen=True, slots=True)
class Condition:
    """A report about a point.

    Attributes:
        holds: Whether the condition holds.
        message: One sentence; empty keeps the last one, or the title of the rule.
        severity: None for the rule's.
        figures: Values of the condition.
        suppressed: Another alarm explains this one, such as a camera whose edge is offline.
    """

    holds: bool
    message: str = ""
    severity: Severity | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    suppressed: bool = False


def report(alarm: Alarm, rule: AlarmRule, condition: Condition, now_ns: int) -> Step:
    """Apply a report. The same report again changes nothing.

    Args:
        alarm: The state before.
        rule: Its rule.
        condition: What is reported.
        now_ns: The time.
    """
    if condition.holds and (rule.momentary or not (alarm.condition and alarm.active)):
        alarm = replace(
            alarm,
            severity=condition.severity or rule.level,
            message=(condition.message or alarm.message or rule.title or alarm.point.kind)[:MAX_TEXT],
            figures=dict(condition.figures) or alarm.figures,
        )
    if alarm.condition != condition.holds or (condition.holds and rule.momentary):
        alarm = replace(alarm, condition=condition.holds, condition_ns=now_ns)
    return settle(suppress(alarm, condition.suppressed, now_ns).alarm, rule, now_ns, _suppression(alarm, condition, now_ns))


def settle(alarm: Alarm, rule: AlarmRule, now_ns: int, before: tuple[Change, ...] = ()) -> Step:
    """Apply what time changes: delays, the end of shelving, a rule that was enabled or disabled.

    Args:
        alarm: The state before.
        rule: Its rule.
        now_ns: The time.
        before: Changes that led here.
    """
    step = _serve(Step(alarm, before), rule, now_ns)
    if step.alarm.shelved_until_ns and now_ns >= step.alarm.shelved_until_ns:
        step = step.then(*_shown(replace(step.alarm, shelved_until_ns=0), Transition.UNSHELVED, now_ns, "", "the time is over"))
    if step.alarm.disabled:
        return replace(step, alarm=replace(step.alarm, condition=step.alarm.condition and not rule.momentary))
    alarm = step.alarm
    if alarm.condition and not alarm.active and now_ns >= alarm.condition_ns + _ns(rule.on_delay_s):
        step = _raise(step, rule, now_ns)
    elif alarm.condition and rule.momentary and alarm.active and alarm.condition_ns == now_ns:
        step = _raise(step, rule, now_ns)  # once more
    if rule.momentary and step.alarm.active:
        step = replace(step, alarm=replace(step.alarm, condition=False))
    alarm = step.alarm
    if alarm.active and not alarm.condition and not _is_latched(alarm, rule) and now_ns >= _off_ns(alarm, rule):
        step = _return(step, rule, now_ns)
    return step


def due_ns(alarm: Alarm, rule: AlarmRule) -> int | None:
    """Return when `settle` changes the alarm next; None if only a report or a person does."""
    due = [alarm.shelved_until_ns] if alarm.shelved_until_ns else []
    if alarm.disabled:
        return min(due, default=None)
    if alarm.condition and not alarm.active:
        due.append(alarm.condition_ns + _ns(rule.on_delay_s))
    if alarm.active and not alarm.condition and not _is_latched(alarm, rule):
        due.append(_off_ns(alarm, rule))
    return min(due, default=None)


def acknowledge(alarm: Alarm, rule: AlarmRule, answer: Answer) -> Step:
    """Answer an alarm. Nothing changes where nobody has to answer."""
    if not alarm.state.unanswered:
        return Step(alarm)
    answer = replace(answer, words=answer.words[:MAX_TEXT])
    answered = replace(alarm, answered=True, unanswered_ns=0, escalated=0, acknowledged=answer)
    step = Step(answered, (Change(Transition.ACKNOWLEDGED, answer.at_ns, answer.who, answer.words),))
    if not alarm.active:
        return step.then(answered, Change(Transition.CLEARED, answer.at_ns))
    if not alarm.condition and (rule.latching or rule.momentary):
        return _return(step, rule, answer.at_ns)
    return step


def shelve(alarm: Alarm, until_ns: int, answer: Answer) -> Step:
    """Hide an alarm from operators until a time; shelving again replaces that time. It counts as an answer."""
    answer = replace(answer, words=answer.words[:MAX_TEXT])
    hidden = replace(alarm, shelved_until_ns=until_ns, shelved=answer, answered=True, unanswered_ns=0, escalated=0)
    return Step(hidden, (Change(Transition.SHELVED, answer.at_ns, answer.who, answer.words),))


def unshelve(alarm: Alarm, answer: Answer) -> Step:
    """Show a shelved alarm again; if its condition still holds, somebody has to answer."""
    if not alarm.shelved_until_ns:
        return Step(alarm)
    shown, change = _shown(
        replace(alarm, shelved_until_ns=0), Transition.UNSHELVED, answer.at_ns, answer.who, answer.words[:MAX_TEXT]
    )
    return Step(shown, (change,))


def suppress(alarm: Alarm, suppressed: bool, now_ns: int) -> Step:
    """Hide an alarm that another one explains, or show it again."""
    if alarm.suppressed == suppressed:
        return Step(alarm)
    if suppressed:
        return Step(replace(alarm, suppressed=True, unanswered_ns=0, escalated=0))
    shown, _ = _shown(replace(alarm, suppressed=False), Transition.UNSUPPRESSED, now_ns)
    return Step(shown)


def escalated(alarm: Alarm, steps: int, now_ns: int, words: str) -> Step:
    """Note that so many steps of escalation were taken."""
    return Step(replace(alarm, escalated=steps), (Change(Transition.ESCALATED, now_ns, words=words[:MAX_TEXT]),))


def _serve(step: Step, rule: AlarmRule, now_ns: int) -> Step:
    """Apply whether the rule is enabled."""
    alarm = step.alarm
    if alarm.disabled == (not rule.enabled):
        return step
    if not rule.enabled:
        disabled = replace(alarm, disabled=True, active=False, answered=True, unanswered_ns=0, escalated=0)
        return step.then(disabled, Change(Transition.DISABLED, now_ns))
    return step.then(*_shown(replace(alarm, disabled=False), Transition.ENABLED, now_ns))


def _suppression(alarm: Alarm, condition: Condition, now_ns: int) -> tuple[Change, ...]:
    """The transition of a report about an alarm that stands: an inactive one is suppressed without a word."""
    if alarm.suppressed == condition.suppressed or not (alarm.active or not alarm.answered):
        return ()
    return (Change(Transition.SUPPRESSED if condition.suppressed else Transition.UNSUPPRESSED, now_ns),)


def _shown(alarm: Alarm, transition: Transition, now_ns: int, who: str = "", words: str = "") -> tuple[Alarm, Change]:
    """An alarm that is hidden no more: an active one has to be answered anew."""
    change = Change(transition, now_ns, who, words)
    if alarm.is_hidden or (alarm.answered and not alarm.active):
        return alarm, change
    return replace(alarm, answered=False, unanswered_ns=now_ns, escalated=0, acknowledged=Answer()), change


def _raise(step: Step, rule: AlarmRule, now_ns: int) -> Step:
    alarm = step.alarm
    recent = [at_ns for at_ns in alarm.raises if at_ns > now_ns - _ns(rule.chatter_window_s)]
    raises = (*recent, now_ns)[-rule.chatter_count :]
    chatters = len(raises) >= rule.chatter_count and not rule.momentary
    raised = replace(
        alarm,
        active=True,
        answered=alarm.is_hidden and alarm.answered,
        occurrence=alarm.occurrence + 1,
        raised_ns=now_ns,
        returned_ns=0,
        unanswered_ns=0 if alarm.is_hidden else (alarm.unanswered_ns or now_ns),
        acknowledged=Answer(),
        raises=raises,
        chattering=chatters,
        escalated=alarm.escalated if alarm.unanswered_ns else 0,
    )
    changes = [Change(Transition.RAISED, now_ns)]
    if chatters and not alarm.chattering:
        changes.append(Change(Transition.CHATTERING, now_ns))
    return step.then(raised, *changes)


def _return(step: Step, rule: AlarmRule, now_ns: int) -> Step:
    alarm = step.alarm
    stays = rule.needs_acknowledgement and not alarm.answered
    returned = replace(
        alarm,
        active=False,
        answered=not stays,
        returned_ns=now_ns,
        unanswered_ns=alarm.unanswered_ns if stays else 0,
        escalated=alarm.escalated if stays else 0,
        chattering=False,
    )
    return step.then(returned, Change(Transition.RETURNED if stays else Transition.CLEARED, now_ns))


def _is_latched(alarm: Alarm, rule: AlarmRule) -> bool:
    return (rule.latching or rule.momentary) and not alarm.answered and not alarm.is_hidden


def _off_ns(alarm: Alarm, rule: AlarmRule) -> int:
    delay_s = max(rule.off_delay_s, rule.chatter_window_s) if alarm.chattering else rule.off_delay_s
    return alarm.condition_ns + (0 if rule.momentary else _ns(delay_s))


def _ns(seconds: float) -> int:
    return int(seconds * NS)
