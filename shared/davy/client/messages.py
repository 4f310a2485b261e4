"""Messages of the services, as values. Fields that a newer service adds are ignored."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from davy.domain.severity import SeverityName


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Dependency(_Message):
    """What an aggregator depends on, such as the broker; reason says why it fails."""

    name: str
    ok: bool
    reason: str = ""


class Site(_Message):
    """A summary of a site.

    Attributes:
        status: ready, or degraded where a dependency fails.
        edges: Number of edges.
        cameras: Number of cameras.
        live: Number of live cameras.
        time_zone: IANA time zone of the site.
    """

    site: str
    version: str
    status: Literal["ready", "degraded"]
    dependencies: tuple[Dependency, ...] = ()
    edges: int
    cameras: int
    live: int
    uptime_s: float
    time_zone: str = ""


class Camera(_Message):
    """One camera and its newest frame.

    Attributes:
        id: edge.camera, unique within the site.
        address: site/edge/camera, globally unique.
        state: live, stale (the newest frame is old), offline or waiting (no frame since the aggregator's start).
        reason: Why the state is not live.
        fps: Frames per second over the last 5 s.
        age_ms: Age of the newest frame in ms; None if there is none.
        received: Frames since the aggregator's start.
    """

    id: str
    address: str
    edge: str
    camera: str
    label: str
    state: str
    reason: str = ""
    district: str = ""
    enhanced_at: str = "here"
    fps: float
    age_ms: int | None
    captured_at: datetime | None
    seq: int | None
    width: int | None
    height: int | None
    model: str
    received: int


class Mark(_Message):
    """A box in a picture, as shares of its width and height from the upper left corner."""

    x: float
    y: float
    width: float
    height: float
    label: str = ""
    score: float = 0.0


class Event(_Message):
    """An event of the archive.

    Attributes:
        id: Later events have larger ids.
        edge: The reporting edge; "aggregator" for events of the analysis.
        camera: edge.camera; empty for an event of the edge itself.
        keyframe: Path of a picture; None for none. `Events.keyframe` reads it.
    """

    id: int
    site: str
    edge: str
    boot_id: str
    seq: int
    camera: str
    occurred_at: datetime
    severity: SeverityName
    kind: str
    message: str
    figures: Mapping[str, float]
    keyframe: str | None
    marks: tuple[Mark, ...] = ()


class Answer(_Message):
    """What a person did about an alarm."""

    who: str
    words: str
    at: datetime


class Alarm(_Message):
    """One alarm.

    Attributes:
        id: Such as lens-blocked:north.face.
        source: edge.camera, an edge or "aggregator".
        state: normal, unacknowledged, acknowledged, returned, shelved, suppressed or out-of-service.
        occurrence: Number of the raise; an acknowledgement may name it.
        picture: Path of a picture; None for none.
    """

    id: str
    kind: str
    source: str
    part: str = ""
    camera: str
    state: str
    severity: SeverityName
    title: str
    message: str
    consequence: str = ""
    response: str = ""
    occurrence: int
    chattering: bool = False
    raised_at: datetime | None
    returned_at: datetime | None = None
    acknowledged: Answer | None = None
    shelved: Answer | None = None
    shelved_until: datetime | None = None
    escalated: int = 0
    figures: Mapping[str, float] = Field(default_factory=dict)
    picture: str | None = None


class AlarmUpdate(_Message):
    """Alarms that changed.

    Attributes:
        all: These are all alarms that are not normal: forget the others. It comes first, and after a reconnection.
    """

    all: bool
    alarms: tuple[Alarm, ...]


class AlarmChange(_Message):
    """A row of the history of alarms.

    Attributes:
        seq: Later changes have larger numbers.
        alarm: Id of the alarm.
        state: State after the change.
    """

    seq: int
    alarm: str
    kind: str
    source: str
    occurrence: int
    severity: SeverityName
    at: datetime
    transition: str
    state: str
    message: str
    who: str
    words: str
    picture: str | None


class Clip(_Message):
    """A named part of a recording.

    Attributes:
        held: Retention deletes nothing of it.
        made_by: Who made it.
        released_by: Who released it last; empty if nobody did.
    """

    id: int
    camera: str
    name: str
    reason: str
    start_at: datetime
    end_at: datetime
    held: bool
    made_by: str
    made_at: datetime
    released_by: str


class RecordedSegment(_Message):
    """A recorded file of about 10 s.

    Attributes:
        path: Below the folder of all recordings; it holds camera, times, packets and SHA-256.
        model: Model that enhanced it; empty for a raw picture.
        href: Path of the file over HTTP.
    """

    path: str
    bytes: int
    model: str
    strength: float
    start_at: datetime
    end_at: datetime
    href: str
