"""What the REST interface answers with."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from davy.adapters.storage.event_store import EventRecord
from davy.domain.severity import Severity, SeverityName


class CameraState(StrEnum):
    """What a camera's newest frame is worth."""

    LIVE = "live"
    STALE = "stale"
    OFFLINE = "offline"
    WAITING = "waiting"


class Drops(BaseModel):
    """Frames that did not arrive, as the camera's edge counts them; None before its first stats."""

    captured: int | None = Field(None, examples=[18240])
    enhanced: int | None = Field(None, examples=[18231])
    dropped: int | None = Field(None, examples=[9])


class Camera(BaseModel):
    """One camera and its newest frame."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(examples=["north.face"], description="edge.camera, unique within the site")
    address: str = Field(examples=["demo/north/face"], description="site/edge/camera, unique everywhere")
    edge: str = Field(examples=["north"])
    camera: str = Field(examples=["face"])
    label: str = Field(examples=["Coal face"])
    state: CameraState = Field(description="live; stale: its newest frame is old; offline; waiting: no frame yet")
    reason: str = Field("", examples=["no frame for 3 s"], description="Why it is not live.")
    enhanced_at: Literal["here", "pool"] = Field("here", description="here: at its edge. pool: by the enhancer pool.")
    fps: float = Field(examples=[10.0], description="Frames a second over the last 5 s.")
    age_ms: int | None = Field(examples=[62], description="Age of the newest frame, None where there is none.")
    captured_at: str | None = Field(examples=["2026-11-22T18:20:31.120Z"], description="When the newest frame was captured.")
    seq: int | None = Field(examples=[18231])
    width: int | None = Field(examples=[1280], description="pixels")
    height: int | None = Field(examples=[720], description="pixels")
    model: str = Field(examples=["ispcnn-1a2b3c4d"])
    received: int = Field(examples=[18231], description="Frames that the aggregator took since it started.")
    drops: Drops
    latest: str = Field(examples=["/v1/cameras/north.face/latest.jpg"])
    live: str = Field(examples=["/v1/cameras/north.face/live.mjpeg"])


class Cameras(BaseModel):
    cameras: list[Camera]


class Edge(BaseModel):
    """One edge, as it last spoke over MQTT."""

    edge: str = Field(examples=["north"])
    status: Literal["online", "offline", "unknown"]
    since: str | None = Field(examples=["2026-11-22T17:58:02.004Z"], description="When that status arrived.")
    configured: bool = Field(description="Whether the site's file names it.")
    enhance: Literal["here", "pool"] | None = None
    clock_skew_ms: float = Field(examples=[0.0], description="How far its clock is behind the aggregator's; 0 within 2 s.")
    cameras: list[str] = Field(examples=[["north.face", "north.gallery"]])
    info: dict[str, Any] = Field(description="Its birth message.")
    stats: dict[str, Any] = Field(description="Its newest figures.")


class Edges(BaseModel):
    edges: list[Edge]


class Event(BaseModel):
    """Something that was worth keeping."""

    id: int = Field(examples=[412], description="Its place in the archive; later events have larger ids.")
    site: str = Field(examples=["demo"])
    edge: str = Field(examples=["aggregator"], description="Who reported it; `aggregator` for what analysis found.")
    boot_id: str = Field(examples=["9f0c2b7d1e44"])
    seq: int = Field(examples=[17])
    camera: str = Field(examples=["north.face"], description="edge.camera, or empty where it is about an edge")
    occurred_at: str = Field(examples=["2026-11-22T18:20:31.120Z"])
    severity: SeverityName
    kind: str = Field(examples=["lens-blocked"])
    message: str = Field(examples=["the lens is covered or very dirty"])
    figures: dict[str, float] = Field(examples=[{"sharpness": 0.4}])
    keyframe: str | None = Field(examples=["/v1/events/412/keyframe.jpg"])

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
        )


class Events(BaseModel):
    """A page of events, newest first."""

    events: list[Event]
    cursor: str | None = Field(examples=["313"], description="Pass it on as `cursor` for the next page; None on the last.")


class Dependency(BaseModel):
    name: str = Field(examples=["store"])
    ok: bool
    reason: str = Field("", examples=["no Redis-protocol server at redis://127.0.0.1:6379/0: Connection refused"])


class Readiness(BaseModel):
    """200 in both states: a degraded aggregator goes on taking and showing frames."""

    status: Literal["ready", "degraded"]
    dependencies: list[Dependency]


class Health(BaseModel):
    status: Literal["ok"] = "ok"


class Site(BaseModel):
    """The mine, in one look."""

    site: str = Field(examples=["demo"])
    version: str = Field(examples=["0.1.0"])
    status: Literal["ready", "degraded"]
    dependencies: list[Dependency]
    edges: int
    cameras: int
    live: int = Field(description="Cameras whose newest frame is fresh.")
    uptime_s: float
    stale_after_ms: int


def utc(time_ns: int) -> str:
    """Unix time in ns as RFC 3339 in UTC, with ms."""
    moment = datetime.fromtimestamp(time_ns / 1e9, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
