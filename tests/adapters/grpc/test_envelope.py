import math
from dataclasses import replace

import pytest

from davy.adapters.grpc.envelope import from_envelope, from_event, to_envelope, to_event, to_push_request, to_wire
from davy.domain.camera import CameraAddress
from davy.domain.errors import FrameTooLargeError, InvalidIdError, InvalidInputError, UnreadableImageError
from davy.domain.frame import EncodedFrame
from davy.v1 import frame_pb2, ingest_pb2

JPEG = b"\xff\xd8jpeg\xff\xd9"
FRAME = EncodedFrame(
    CameraAddress("mine", "north", "face"), "b1", 7, 1_000, 1280, 720, JPEG, "ispcnn-1", 0.5, 2_000, JPEG, "00-abc-def-01"
)
EVENT = {"site": "mine", "edge": "north", "boot_id": "b1", "seq": 1, "occurred_ns": 5, "kind": "motion"}


@pytest.mark.parametrize("raw", [b"", b"\xff\xd8" + bytes(200)])
@pytest.mark.parametrize("size", [5, 127, 128, 16_384, 300_000])
def test_what_is_joined_is_what_protobuf_writes(size, raw):
    frame = replace(FRAME, jpeg=b"\xff\xd8" + bytes(size - 2), raw_jpeg=raw)
    assert to_wire(frame) == to_envelope(frame).SerializeToString()
    assert to_push_request(frame) == ingest_pb2.PushFramesRequest(frame=to_envelope(frame)).SerializeToString()


def test_a_frame_comes_back_as_it_was():
    wire = frame_pb2.FrameEnvelope.FromString(to_envelope(FRAME).SerializeToString())
    assert from_envelope(wire) == FRAME


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        ("site", "Mine", InvalidIdError),
        ("edge", "", InvalidIdError),
        ("camera", "../etc", InvalidIdError),
        ("boot_id", "b 1", InvalidIdError),
        ("seq", 0, InvalidInputError),
        ("seq", 2**64 - 1, InvalidInputError),
        ("captured_ns", 0, InvalidInputError),
        ("width", 0, InvalidInputError),
        ("height", 70_000, InvalidInputError),
        ("model", "m" * 1001, InvalidInputError),
    ],
)
def test_a_wrong_field_is_refused(field, value, error):
    envelope = to_envelope(FRAME)
    setattr(envelope.meta, field, value)
    with pytest.raises(error):
        from_envelope(envelope)


@pytest.mark.parametrize(
    ("jpeg", "error"),
    [
        (b"", UnreadableImageError),
        (b"\x89PNG", UnreadableImageError),
        (b"\xff\xd8" + bytes(900_000), FrameTooLargeError),
    ],
)
def test_a_picture_that_cannot_be_passed_on_is_refused(jpeg, error):
    envelope = to_envelope(FRAME)
    envelope.jpeg = jpeg
    with pytest.raises(error):
        from_envelope(envelope)


def test_an_empty_envelope_is_refused():
    with pytest.raises(InvalidInputError):
        from_envelope(frame_pb2.FrameEnvelope())


def test_an_event_names_its_camera_by_edge_and_camera():
    record = from_event(ingest_pb2.Event(**EVENT, camera="face", figures={"share": 0.5, "bad": math.nan}, severity=3))
    assert (record.camera, record.severity, record.figures) == ("north.face", 3, {"share": 0.5})
    assert to_event(record).camera == "north.face"


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "Not A Kind"}, {"seq": 0}, {"camera": "a.b"}, {"message": "x" * 1001}, {"keyframe_jpeg": b"gif"}, {"site": ""}],
)
def test_a_wrong_event_is_refused(wrong):
    with pytest.raises(InvalidInputError):
        from_event(ingest_pb2.Event(**EVENT | wrong))
