"""One event as MQTT messages: protobuf with its picture, and JSON without it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

from davy.domain.event import Mark
from davy.domain.ports import Message
from davy.domain.severity import Severity, SeverityName
from davy.domain.topics import EdgeTopics
from davy.v1 import ingest_pb2

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROTOBUF, JSON = "application/protobuf", "application/json"


class EventMessage(BaseModel):
    """An event on the topic `event/json`. (site, edge, boot_id, seq) identifies it; it may come twice."""

    model_config = ConfigDict(title="Event")

    site: str = Field(examples=["demo"])
    edge: str = Field(examples=["north"], description="The reporting edge; `aggregator` for events of the analysis.")
    boot_id: str = Field(examples=["9f0c2b7d1e44"])
    seq: int = Field(ge=0, examples=[17])
    camera: str = Field(examples=["north.face"], description="edge.camera; empty for an event of the edge itself.")
    occurred_at: datetime = Field(examples=["2026-11-22T18:20:31.120000Z"], description="On the reporter's clock.")
    severity: SeverityName
    kind: str = Field(examples=["lens-blocked"])
    message: str = Field(examples=["the lens is covered, or there is no light"])
    figures: dict[str, float] = Field(examples=[{"sharpness": 0.4}])
    has_keyframe: bool = Field(description="Whether the archive has a picture of it.")
    marks: list[Mark] = Field(description="What was found in the picture.")


def messages_of(
    topics: EdgeTopics, event: ingest_pb2.Event, marks: Sequence[Mark] = (), has_keyframe: bool = False
) -> tuple[Message, Message]:
    """Return the `event` message and the `event/json` message of an event.

    Args:
        topics: The reporter's topics.
        event: Its camera is a name of the reporting edge, or edge.camera.
        marks: What was found in its picture.
        has_keyframe: Whether the archive has a picture that this event does not carry.
    """
    camera = event.camera if "." in event.camera or not event.camera else f"{event.edge}.{event.camera}"
    body = EventMessage(
        site=event.site,
        edge=event.edge,
        boot_id=event.boot_id,
        seq=event.seq,
        camera=camera,
        occurred_at=EPOCH + timedelta(microseconds=event.occurred_ns // 1000),
        severity=Severity.nearest(event.severity).label,
        kind=event.kind,
        message=event.message,
        figures=dict(event.figures),
        has_keyframe=has_keyframe or bool(event.keyframe_jpeg),
        marks=list(marks),
    )
    return (
        Message(topics.event, event.SerializeToString(), qos=1, content_type=PROTOBUF),
        Message(topics.event_json, body.model_dump_json().encode(), qos=1, content_type=JSON),
    )
