"""RTSP cameras as they are sold: seconds between key frames, H.265, UDP alone."""

import threading
import time

import pytest
from tests.fixtures.cameras import levels_of, rtsp_server, write_video

from davy.adapters.camera import open_source
from davy.domain.ports import SourceOptions

pytestmark = [pytest.mark.system, pytest.mark.alone]

CODECS = [("h264", "libx264"), ("h265", "libx265")]


@pytest.mark.parametrize(("codec", "encoder"), CODECS)
def test_the_first_picture_comes_within_1_s_of_the_first_key_frame(tmp_path, codec, encoder):
    video = write_video(tmp_path / "cam.mp4", frames=70, fps=10, codec=encoder, gop=25)
    with rtsp_server(video, codec=codec) as (url, _):
        began_s = time.monotonic()
        early = open_source(url, SourceOptions(fps=50, timeout_s=1.5))
        assert levels_of(early, 1)[0] <= 10
        assert time.monotonic() - began_s < 1.5  # connecting, and the second that is allowed
        levels_of(early, 4)
        late = open_source(url, SourceOptions(fps=50, timeout_s=1.5))  # in the midst of a GOP that is longer than its timeout
        found: dict[str, float] = {}
        reader = threading.Thread(target=lambda: found.update(first=levels_of(late, 1)[0], at_s=time.monotonic()))
        reader.start()
        while True:
            if levels_of(early, 1)[0] == 0:
                key_s = time.monotonic()
                break
        while reader.is_alive():
            levels_of(early, 1)
        assert found["first"] <= 10
        assert found["at_s"] - key_s < 1
        assert late.damaged == 0
        early.close()
        late.close()


def test_a_camera_with_udp_alone_is_read(tmp_path):
    with rtsp_server(write_video(tmp_path / "cam.mp4", frames=50, fps=25), transport="udp") as (url, _):
        source = open_source(url, SourceOptions(fps=50, timeout_s=3))
        levels = levels_of(source, 10)
        source.close()
    assert levels[5:] == [(levels[5] + n) % 25 for n in range(5)]  # of the first ones, what queued while probing is capped


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_the_last_word_of_the_url_chooses_the_transport(tmp_path, transport):
    with rtsp_server(write_video(tmp_path / "cam.mp4", frames=50, fps=25)) as (url, _):
        source = open_source(f"{url}?{transport}", SourceOptions(fps=50, timeout_s=3))
        assert len(levels_of(source, 10)) == 10
        source.close()
