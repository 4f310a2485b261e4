"""One frame as MQTT messages: the plain JPEG with its metadata as user properties, and the same metadata as JSON."""

import json

from davy.domain.frame import EncodedFrame
from davy.domain.ports import Message
from davy.domain.topics import CameraTopics

EXPIRY_S = 2  # an older frame is useless


def messages_of(frame: EncodedFrame) -> tuple[Message, Message]:
    """Return the `frame` message (`raw` for an unenhanced frame) and the `meta` message of a frame."""
    topics = CameraTopics(frame.camera)
    facts = {
        "variant": "enhanced" if frame.model else "raw",
        "seq": frame.seq,
        "captured_ns": frame.captured_ns,
        "boot_id": frame.boot_id,
        "width": frame.width,
        "height": frame.height,
        "model": frame.model,
        "traceparent": frame.traceparent,
    }
    picture = Message(
        topics.frame if frame.model else topics.raw,
        frame.jpeg,
        content_type="image/jpeg",
        expiry_s=EXPIRY_S,
        properties={name: str(value) for name, value in facts.items()},
    )
    meta = json.dumps(facts | {"strength": frame.strength, "enhanced_ns": frame.enhanced_ns}).encode()
    return picture, Message(topics.meta, meta, content_type="application/json", expiry_s=EXPIRY_S)
