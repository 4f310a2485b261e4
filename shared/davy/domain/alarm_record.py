"""What is stored about alarms: their history, the notices of escalation, and the changes of rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from davy.domain.alarms import Alarm, Change
from davy.domain.event import EventRecord


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """A row of the history.

    Attributes:
        seq: Its number; also the cursor of a query.
        alarm: Id of the alarm.
        occurrence: Number of the raise that it belongs to.
        transition: A `Transition`.
        state: The state after it, an `AlarmState`.
        who: Authenticated name of the person; empty where nobody acted.
        words: What the person wrote, or why it happened.
        event: Id of the event with the picture; 0 for none.
    """

    alarm: str
    kind: str
    source: str
    occurrence: int
    severity: int
    at_ns: int
    transition: str
    state: str
    message: str
    who: str = ""
    words: str = ""
    event: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class AlarmQuery:
    """Which rows of the history: since inclusive, until exclusive.

    They come newest first below `before`, or, where `after` is given, oldest first above it.
    """

    alarm: str | None = None
    kind: str | None = None
    source: str | None = None
    transition: str | None = None
    severity: int = 0
    since_ns: int | None = None
    until_ns: int | None = None
    text: str | None = None
    before: int | None = None
    after: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of escalation that a target is owed.

    Attributes:
        target: Name of the target in `alarms.targets`.
        alarm: Id of the alarm.
        occurrence: Number of the raise.
        body: The message as JSON.
        due_ns: Not before.
        attempts: Failed attempts so far.
        sent_ns: When it was delivered, 0 before.
        error: Of the last attempt; also why it was given up.
    """

    target: str
    alarm: str
    occurrence: int
    body: Mapping[str, object]
    made_ns: int
    due_ns: int
    attempts: int = 0
    sent_ns: int = 0
    error: str = ""
    seq: int = 0


@dataclass(frozen=True, slots=True)
class AlarmUpdate:
    """A new state of an alarm, and what is stored with it in one transaction.

    Attributes:
        alarm: The state after all changes.
        changes: Rows for the history.
        notices: What targets are owed.
        event: Stored first; its id becomes the alarm's.
    """

    alarm: Alarm
    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()
    event: EventRecord | None = None


@dataclass(frozen=True, slots=True)
class RulesChange:
    """A change of the rules by an engineer: who, why, and the rules as JSON."""

    at_ns: int
    who: str
    why: str
    body: Mapping[str, object] = field(default_factory=dict)
    seq: int = 0
