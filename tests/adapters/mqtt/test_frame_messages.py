import json

from davy.adapters.mqtt.frame_messages import messages_of
from davy.domain.camera import CameraAddress
from davy.domain.frame import EncodedFrame

FRAME = EncodedFrame(
    CameraAddress("demo", "north", "face"), "boot", 7, 123, 320, 240, b"\xff\xd8jpeg", model="ispcnn", traceparent="00-a-b-01"
)


def test_an_enhanced_frame_is_a_plain_jpeg_with_its_facts_beside_it():
    picture, meta = messages_of(FRAME)
    assert (picture.topic, picture.payload) == ("davy/v1/demo/north/cam/face/frame", FRAME.jpeg)
    assert picture.payload is FRAME.jpeg  # the very bytes that the encoder made and that gRPC sends, uncopied
    assert (picture.content_type, picture.expiry_s, picture.qos, picture.retain) == ("image/jpeg", 2, 0, False)
    assert picture.properties == {
        "variant": "enhanced",
        "seq": "7",
        "captured_ns": "123",
        "boot_id": "boot",
        "width": "320",
        "height": "240",
        "model": "ispcnn",
        "traceparent": "00-a-b-01",
    }
    assert meta.topic == "davy/v1/demo/north/cam/face/meta"
    assert json.loads(meta.payload)["seq"] == 7


def test_a_frame_that_no_model_touched_is_raw():
    raw = EncodedFrame(CameraAddress("demo", "west", "belt"), "boot", 1, 1, 320, 240, b"\xff\xd8")
    picture, meta = messages_of(raw)
    assert picture.topic == "davy/v1/demo/west/cam/belt/raw"
    assert {picture.properties["variant"], json.loads(meta.payload)["variant"]} == {"raw"}  # on `meta`, both kinds meet
