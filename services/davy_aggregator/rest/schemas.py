"""Messages of the REST interface."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from davy.domain.event import EventRecord
from davy.domain.severity import Severity, SeverityName

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_SECRET = 512  # characters of anything secret that a caller sends


class CameraState(StrEnum):
    """State of a camera, by its newest frame."""

    LIVE = "live"
    STALE = "stale"
    OFFLINE = "offline"
    WAITING = "waiting"


class Drops(BaseModel):
    """Frame counters of the camera's edge; null before its first report."""

    captured: int | None = Field(None, examples=[18240])
    enhanced: int | None = Field(None, examples=[18231])
    dropped: int | None = Field(None, examples=[9])


class Camera(BaseModel):
    """One camera and its newest frame."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["north.face"], description="edge.camera, unique within the site.")
    address: str = Field(examples=["demo/north/face"], description="site/edge/camera, globally unique.")
    edge: str = Field(examples=["north"])
    camera: str = Field(examples=["face"])
    district: str = Field("", examples=["panel-7"], description="District of its edge; empty for none.")
    label: str = Field(examples=["Coal face"])
    state: CameraState = Field(description="live; stale: the newest frame is old; offline; waiting: no frame since the start.")
    reason: str = Field("", examples=["no frame for 3 s"], description="Reason for any state but live.")
    enhanced_at: Literal["here", "pool"] = Field("here", description="here: on its edge. pool: by the enhancer pool.")
    fps: float = Field(examples=[10.0], description="Frames per second over the last 5 s.")
    age_ms: int | None = Field(examples=[62], description="Age of the newest frame; null if there is none.")
    captured_at: str | None = Field(examples=["2026-11-22T18:20:31.120Z"], description="Capture time of the newest frame.")
    clock_skew_ms: float = Field(
        0.0, examples=[0.0], description="Lag of its edge's clock behind the aggregator's; 0 within 2 s."
    )
    seq: int | None = Field(examples=[18231])
    width: int | None = Field(examples=[1280], description="pixels")
    height: int | None = Field(examples=[720], description="pixels")
    model: str = Field(examples=["ispcnn-1a2b3c4d"])
    received: int = Field(examples=[18231], description="Frames received since the aggregator started.")
    drops: Drops
    latest: str = Field(examples=["/v1/cameras/north.face/latest.jpg"])
    live: str = Field(examples=["/v1/cameras/north.face/live.mjpeg"])
    video: bool = Field(False, description="Whether its edge is connected and offers its video: WebRTC, HLS and RTSP play.")


class Cameras(BaseModel):
    """A page of cameras, by id."""

    cameras: list[Camera]
    cursor: str | None = Field(
        None, examples=["north.face"], description="`cursor` parameter of the next page; null on the last one."
    )


class Edge(BaseModel):
    """One edge with its last report over MQTT."""

    edge: str = Field(examples=["north"])
    status: Literal["online", "offline", "unknown"]
    since: str | None = Field(examples=["2026-11-22T17:58:02.004Z"], description="Arrival time of the status.")
    configured: bool = Field(description="Whether site.yaml has the edge.")
    enhance: Literal["here", "pool"] | None = None
    clock_skew_ms: float = Field(examples=[0.0], description="Lag behind the aggregator's clock; 0 within 2 s.")
    cameras: list[str] = Field(examples=[["north.face", "north.gallery"]])
    info: dict[str, Any] = Field(description="The birth message of the edge.")
    stats: dict[str, Any] = Field(description="The newest stats of the edge.")


class Edges(BaseModel):
    edges: list[Edge]


class Mark(BaseModel):
    """A box in a picture, as shares of its width and height from the upper left corner."""

    x: float = Field(examples=[0.4])
    y: float = Field(examples=[0.3])
    width: float = Field(examples=[0.1])
    height: float = Field(examples=[0.4])
    label: str = Field("", examples=["person"])
    score: float = Field(0.0, examples=[0.91])


class Event(BaseModel):
    """An event of the archive."""

    id: int = Field(examples=[412], description="Later events have larger ids.")
    site: str = Field(examples=["demo"])
    edge: str = Field(examples=["aggregator"], description="The reporting edge; `aggregator` for events of the analysis.")
    boot_id: str = Field(examples=["9f0c2b7d1e44"])
    seq: int = Field(examples=[17])
    camera: str = Field(examples=["north.face"], description="edge.camera; empty for an event of the edge itself.")
    occurred_at: str = Field(examples=["2026-11-22T18:20:31.120Z"])
    severity: SeverityName
    kind: str = Field(examples=["lens-blocked"])
    message: str = Field(examples=["the lens is covered, or there is no light"])
    figures: dict[str, float] = Field(examples=[{"sharpness": 0.4}])
    keyframe: str | None = Field(examples=["/v1/events/412/keyframe.jpg"])
    marks: list[Mark] = Field(default_factory=list, description="What was found in the picture.")

    @classmethod
    def of(cls, record: EventRecord) -> "Event":
        return cls(
            id=record.id,
            site=record.site,
            edge=record.edge,
            boot_id=record.boot_id,
            seq=record.seq,
            camera=record.camera,
            occurred_at=utc(record.occurred_ns),
            severity=Severity(record.severity).label,
            kind=record.kind,
            message=record.message,
            figures=dict(record.figures),
            keyframe=f"/v1/events/{record.id}/keyframe.jpg" if record.has_keyframe else None,
            marks=[Mark.model_validate(asdict(mark)) for mark in record.marks],
        )


class Events(BaseModel):
    """A page of events, newest first."""

    events: list[Event]
    cursor: str | None = Field(examples=["313"], description="`cursor` parameter of the next page; null on the last one.")


class Dependency(BaseModel):
    name: str = Field(examples=["store"])
    ok: bool
    reason: str = Field("", examples=["no Redis-protocol server at redis://127.0.0.1:6379/0: Connection refused"])


class Readiness(BaseModel):
    """Readiness. The HTTP status is 200 in both states: a degraded aggregator still receives and shows frames."""

    status: Literal["ready", "degraded"]
    dependencies: list[Dependency]


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Site(BaseModel):
    """A summary of the site."""

    site: str = Field(examples=["demo"])
    version: str = Field(examples=["0.1.0"])
    status: Literal["ready", "degraded"]
    dependencies: list[Dependency]
    edges: int
    cameras: int
    live: int = Field(description="Live cameras.")
    uptime_s: float
    time_zone: str = Field(examples=["Europe/Warsaw"], description="IANA time zone whose time the pages show.")
    stale_after_ms: int


def utc(time_ns: int) -> str:
    """Format Unix time in ns as RFC 3339 in UTC, with ms."""
    moment = EPOCH + timedelta(microseconds=time_ns // 1000)  # of any year that 64 bits count, not of 1970 to 2038 alone
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
