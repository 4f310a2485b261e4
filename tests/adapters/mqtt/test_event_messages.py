import json

import jsonschema

from davy.adapters.mqtt.event_messages import EventMessage, messages_of
from davy.domain.event import Mark
from davy.domain.topics import EdgeTopics
from davy.v1 import ingest_pb2

EVENT = ingest_pb2.Event(
    site="demo",
    edge="north",
    boot_id="b1",
    seq=7,
    camera="face",
    occurred_ns=1_763_835_631_120_000_000,
    severity=ingest_pb2.SEVERITY_ALARM,
    kind="lens-blocked",
    message="the lens is covered",
    figures={"sharpness": 0.5},
    keyframe_jpeg=b"\xff\xd8jpeg",
)


def test_an_event_is_protobuf_with_its_picture_and_json_without():
    protobuf, text = messages_of(EdgeTopics("demo", "north"), EVENT, [Mark(0.1, 0.2, 0.3, 0.4, "person", 0.9)])
    assert ingest_pb2.Event.FromString(protobuf.payload) == EVENT
    assert (protobuf.qos, text.qos, text.content_type) == (1, 1, "application/json")
    found = json.loads(text.payload)
    assert found == {
        "site": "demo",
        "edge": "north",
        "boot_id": "b1",
        "seq": 7,
        "camera": "north.face",
        "occurred_at": "2025-11-22T18:20:31.120000Z",
        "severity": "alarm",
        "kind": "lens-blocked",
        "message": "the lens is covered",
        "figures": {"sharpness": 0.5},
        "has_keyframe": True,
        "marks": [{"x": 0.1, "y": 0.2, "width": 0.3, "height": 0.4, "label": "person", "score": 0.9}],
    }
    jsonschema.validate(found, EventMessage.model_json_schema())


def test_a_camera_has_one_form_whoever_reports():
    topics = EdgeTopics("demo", "aggregator")
    found = ingest_pb2.Event(site="demo", edge="aggregator", camera="north.face", kind="person")
    assert json.loads(messages_of(topics, found)[1].payload)["camera"] == "north.face"
    assert json.loads(messages_of(topics, ingest_pb2.Event(edge="north"))[1].payload)["camera"] == ""
