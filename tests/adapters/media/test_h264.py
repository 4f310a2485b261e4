"""The video of live pictures: one packet for each picture, at once, in the picture's own range and colours."""

import av
import numpy as np
import pytest

from davy.adapters.media import planes
from davy.adapters.media.h264 import EncoderOptions, H264Encoder
from davy.domain.errors import EncoderError
from davy.domain.frame import YuvImage

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS


def picture(number: int, width: int, height: int, full_range: bool = True) -> YuvImage:
    rows, columns = np.mgrid[:height, :width]
    y = (120 + 60 * np.sin((columns + 3 * number) / 19) + 30 * np.cos(rows / 11)).astype(np.uint8)
    chroma = (-(-height // 2), -(-width // 2))
    return YuvImage(y, np.full(chroma, 110, np.uint8), np.full(chroma, 140, np.uint8), full_range)


def decode(packets: list[bytes]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    return [frame for data in [*map(av.Packet, packets), None] for frame in decoder.decode(data)]


@pytest.mark.parametrize("size", [(640, 360), (321, 181), (16, 16)])
@pytest.mark.parametrize("full_range", [True, False])
def test_each_picture_is_a_packet_that_decodes_to_it(size, full_range):
    encoder, sent = H264Encoder(*size, EncoderOptions(kbps=20_000, quality=12), full_range), []
    for number in range(12):
        data, key = encoder.encode(picture(number, *size, full_range), START_NS + number * SECOND_NS // 10)
        assert data.startswith(b"\x00\x00\x00\x01") and key == (number == 0)
        sent.append(data)
    frames = decode(sent)
    assert len(frames) == 12
    last, true = frames[-1], picture(11, *size, full_range)
    assert (last.width, last.height) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
    assert last.color_range == (2 if full_range else 1)
    luma = np.frombuffer(memoryview(last.planes[0]), np.uint8).reshape(-1, last.planes[0].line_size)
    assert np.abs(luma[: size[1], : size[0]].astype(int) - true.y).mean() < 1.5


def test_what_is_rendered_into_the_canvas_is_encoded():
    encoder = H264Encoder(320, 180, EncoderOptions(quality=12))
    canvas, true = encoder.canvas(), picture(5, 320, 180)
    canvas.y[:], canvas.u[:], canvas.v[:] = true.y, true.u, true.v
    data, _ = encoder.encode(canvas, START_NS)
    assert np.abs(decode([data])[0].to_ndarray(format="gray").astype(int) - true.y).mean() < 1.5


def test_bgr_pictures_are_taken_too():
    bgr = planes.to_bgr(picture(1, 320, 180))
    data, key = H264Encoder(320, 180, EncoderOptions(quality=12)).encode(bgr, START_NS)
    assert key and np.abs(planes.to_bgr(planes.from_bgr(bgr)).astype(int) - bgr).mean() < 5
    assert len(decode([data])) == 1


def test_key_frames_come_by_the_clock_and_when_asked():
    encoder = H264Encoder(320, 180, EncoderOptions(gop_s=2.0, fps=10))
    keys = []
    for number in range(50):
        at_ns = START_NS + number * SECOND_NS // 5  # 5 pictures per second, half of what was said
        _, key = encoder.encode(picture(number, 320, 180), at_ns, key=number == 33)
        keys += [number] if key else []
    assert keys == [0, 10, 20, 30, 33, 43]


def test_a_clock_that_steps_back_stops_nothing():
    encoder = H264Encoder(320, 180, EncoderOptions())
    packets = [encoder.encode(picture(0, 320, 180), START_NS + step)[0] for step in (0, -SECOND_NS, SECOND_NS, SECOND_NS)]
    assert len(decode(packets)) == 4


def test_the_bit_rate_is_bounded():
    random = np.random.default_rng(1)
    encoder, total = H264Encoder(640, 360, EncoderOptions(kbps=500, fps=10)), 0
    grey = np.full((180, 320), 128, np.uint8)
    for number in range(60):
        noise = YuvImage(random.integers(0, 255, (360, 640), np.uint8), grey, grey)
        total += len(encoder.encode(noise, START_NS + number * SECOND_NS // 10)[0])
    assert total * 8 / 6 < 1_500_000, "pure noise at three times the bound at most"


@pytest.mark.parametrize("encoder", ["h264_nvenc", "h264_qsv", "h264_v4l2m2m"])
def test_an_encoder_whose_hardware_is_absent_says_so(encoder):
    try:
        H264Encoder(640, 360, EncoderOptions(encoder))
    except EncoderError as error:
        assert "choose libx264" in str(error)
    else:
        pytest.skip("this machine has it")
