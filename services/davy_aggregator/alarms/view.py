"""An alarm as JSON, the same on REST, MQTT and the event stream."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from davy.domain.alarm_record import AlarmChange
from davy.domain.alarm_rules import AlarmRule
from davy.domain.alarms import Alarm, AlarmPoint, Answer
from davy.domain.severity import Severity, SeverityName


class AnswerView(BaseModel):
    """What a person did."""

    who: str = Field(examples=["ada"], description="Authenticated name.")
    words: str = Field(examples=["Bob looks at it"])
    at: str = Field(examples=["2026-11-28T09:14:05.204Z"])

    @classmethod
    def of(cls, answer: Answer) -> "AnswerView | None":
        return cls(who=answer.who, words=answer.words, at=utc(answer.at_ns)) if answer.at_ns else None


class AlarmView(BaseModel):
    """One alarm."""

    id: str = Field(examples=["lens-blocked:north.face"])
    kind: str = Field(examples=["lens-blocked"])
    source: str = Field(examples=["north.face"], description="edge.camera, an edge or aggregator.")
    part: str = Field(examples=[""], description="Part of the source, such as a zone.")
    camera: str = Field(examples=["north.face"], description="edge.camera; empty if the source is no camera.")
    state: str = Field(
        examples=["unacknowledged"],
        description="normal, unacknowledged, acknowledged, returned, shelved, suppressed or out-of-service.",
    )
    severity: SeverityName
    title: str = Field(examples=["Lens blocked"])
    message: str = Field(examples=["the lens is covered, or there is no light"])
    consequence: str = Field(examples=["Nobody sees this place."])
    response: str = Field(examples=["Send somebody to look at the camera and to clean it."])
    occurrence: int = Field(examples=[2], description="Number of the raise; an acknowledgement names it.")
    chattering: bool = Field(description="Raised so often that it stays raised until its condition was over for a while.")
    raised_at: str | None
    returned_at: str | None
    acknowledged: AnswerView | None
    shelved: AnswerView | None
    shelved_until: str | None
    escalated: int = Field(description="Steps of escalation taken.")
    figures: dict[str, float]
    picture: str | None = Field(examples=["/v1/events/412/keyframe.jpg?marked=true"])

    @classmethod
    def of(cls, alarm: Alarm, rule: AlarmRule) -> "AlarmView":
        point = alarm.point
        return cls(
            id=point.id,
            kind=point.kind,
            source=point.source,
            part=point.part,
            camera=point.camera,
            state=alarm.state.value,
            severity=alarm.severity.label,
            title=rule.title or point.kind.replace("-", " ").capitalize(),
            message=alarm.message,
            consequence=rule.consequence,
            response=rule.response,
            occurrence=alarm.occurrence,
            chattering=alarm.chattering,
            raised_at=utc(alarm.raised_ns),
            returned_at=utc(alarm.returned_ns),
            acknowledged=AnswerView.of(alarm.acknowledged),
            shelved=AnswerView.of(alarm.shelved) if alarm.shelved_until_ns else None,
            shelved_until=utc(alarm.shelved_until_ns),
            escalated=alarm.escalated,
            figures=dict(alarm.figures),
            picture=picture_of(alarm.event),
        )


class AlarmChangeView(BaseModel):
    """A row of the history."""

    seq: int = Field(examples=[812], description="Later changes have larger numbers.")
    alarm: str = Field(examples=["lens-blocked:north.face"])
    kind: str
    source: str
    occurrence: int
    severity: SeverityName
    at: str = Field(examples=["2026-11-28T09:14:05.204Z"])
    transition: str = Field(examples=["acknowledged"])
    state: str = Field(examples=["acknowledged"], description="State after it.")
    message: str
    who: str = Field(examples=["ada"])
    words: str = Field(examples=["Bob looks at it"])
    picture: str | None

    @classmethod
    def of(cls, row: AlarmChange) -> "AlarmChangeView":
        names = ("seq", "alarm", "kind", "source", "occurrence", "transition", "state", "message", "who", "words")
        return cls(
            **{name: getattr(row, name) for name in names},
            at=utc(row.at_ns) or "",
            severity=Severity.nearest(row.severity).label,
            picture=picture_of(row.event),
        )


def alarm_json(alarm: Alarm, rule: AlarmRule) -> dict[str, Any]:
    """One alarm as a JSON value."""
    return AlarmView.of(alarm, rule).model_dump(mode="json")


class AlarmTexts:
    """Alarms as JSON, encoded once per change for everybody who watches them."""

    def __init__(self, rule: Callable[[AlarmPoint], AlarmRule]) -> None:
        self._rule = rule
        self._kept: dict[str, tuple[Alarm, AlarmRule, str]] = {}

    def text(self, alarm: Alarm) -> str:
        """Return an alarm with its rule."""
        rule, name = self._rule(alarm.point), alarm.point.id
        kept = self._kept.get(name)
        if kept is None or kept[0] is not alarm or kept[1] is not rule:
            kept = self._kept[name] = (alarm, rule, AlarmView.of(alarm, rule).model_dump_json())
        return kept[2]


def views(alarms: Sequence[Alarm], rule: Callable[[AlarmPoint], AlarmRule]) -> list[AlarmView]:
    """Alarms with their rules."""
    return [AlarmView.of(alarm, rule(alarm.point)) for alarm in alarms]


def picture_of(event: int) -> str | None:
    """Path of the picture of an event; None for no event."""
    return f"/v1/events/{event}/keyframe.jpg?marked=true" if event else None


def utc(time_ns: int) -> str | None:
    """Unix time in ns as RFC 3339; None for 0."""
    if not time_ns:
        return None
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
