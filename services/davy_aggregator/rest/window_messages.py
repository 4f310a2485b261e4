"""Messages of the WebSocket between a window of the console and the aggregator.

A window sends JSON objects of the types below. The aggregator sends JSON objects: `state` with every camera, then
`state-change` with the cameras that changed or are shown, and the ids in `gone`; `event` and `alarms`. It also sends binary
pictures: a 4-byte big-endian length, a JSON head of that length, the enhanced JPEG, the raw JPEG.
"""

import json
import struct
import time
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from davy_aggregator.live import LiveFrame

MAX_CAMERAS = 256

Kind = Literal["enhanced", "raw", "split"]


class Tile(BaseModel, extra="forbid", frozen=True):
    """What a window shows of one camera."""

    kind: Kind = "enhanced"
    width: int = Field(0, ge=0, le=16_384, description="Width of the tile in device pixels; 0: the camera's own.")
    fps: float = Field(0, ge=0, le=120, description="Maximum frames per second; 0: every frame.")


class Show(BaseModel, extra="forbid"):
    """Replaces what the window shows."""

    type: Literal["show"]
    cameras: dict[str, Tile] = Field(max_length=MAX_CAMERAS)


class Ack(BaseModel, extra="forbid"):
    """Acknowledges a frame that was drawn or discarded."""

    type: Literal["ack"]
    id: str = Field(max_length=200)
    seq: int


class FollowEvents(BaseModel, extra="forbid"):
    """Asks for events after an id; null: for new ones alone."""

    type: Literal["events"]
    after: int | None = Field(None, ge=0, le=2**63 - 1)


Message = Annotated[Show | Ack | FollowEvents, Field(discriminator="type")]
_MESSAGE: TypeAdapter[Show | Ack | FollowEvents] = TypeAdapter(Message)


def parse(text: str) -> Show | Ack | FollowEvents:
    """Read a window's message.

    Raises:
        ValidationError: It is none.
    """
    return _MESSAGE.validate_json(text)


def pack(live: LiveFrame, enhanced: bytes, raw: bytes) -> bytes:
    """Pack a picture, or both of one instant; an absent one is empty."""
    frame = live.frame
    head = {
        "id": frame.camera.key,
        "seq": frame.seq,
        "age_ms": round(live.age_s() * 1000),
        "sent_ms": time.time_ns() // 1_000_000,
        "captured_ms": frame.captured_ns // 1_000_000,
        "enhanced_bytes": len(enhanced),
        "raw_bytes": len(raw),
    }
    encoded = json.dumps(head).encode()
    return b"".join((struct.pack(">I", len(encoded)), encoded, enhanced, raw))
