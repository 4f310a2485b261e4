import socket
import threading
import time

import pytest
from tests.fixtures.cameras import jpeg_of, levels_of, mjpeg_server, rtsp_server, seconds, write_video

from davy.adapters.camera import open_source
from davy.domain.errors import CameraError, CameraStalledError, CameraUnavailableError, ConfigError
from davy.domain.ports import SourceOptions

pytestmark = pytest.mark.system

OPTIONS = SourceOptions(fps=50, timeout_s=2)


def test_an_http_camera_gives_its_frames_in_order():
    with mjpeg_server(jpeg_of, fps=30) as url:
        source = open_source(url, OPTIONS)
        levels = levels_of(source, 10)
        source.close()
    assert levels == [(levels[0] + n) % 25 for n in range(10)]


@pytest.mark.alone
def test_frames_beyond_the_cap_are_dropped_early():
    with mjpeg_server(jpeg_of, fps=40) as url:
        source = open_source(url, SourceOptions(fps=10, timeout_s=2))
        levels_of(source, 3)  # what arrived while the stream was probed
        took_s = seconds(lambda: levels_of(source, 10))
        source.close()
    assert 0.7 < took_s < 1.4


def test_damaged_jpegs_on_the_way_are_skipped_and_counted():
    with mjpeg_server(lambda n: jpeg_of(n)[:300] if n % 5 == 1 else jpeg_of(n), fps=40) as url:
        source = open_source(url, OPTIONS)
        levels = levels_of(source, 20)
        source.close()
    assert source.damaged >= 4
    assert not any(level % 5 == 1 for level in levels)


def test_a_camera_that_falls_silent_is_stalled_within_its_timeout():
    with mjpeg_server(jpeg_of, fps=40, limit=60) as url:
        source = open_source(url, SourceOptions(fps=50, timeout_s=1))
        with pytest.raises(CameraStalledError, match="silent for 1 s"):
            levels_of(source, 100)
        source.close()


def test_a_camera_that_sends_only_damage_is_stalled():
    with mjpeg_server(lambda n: jpeg_of(n) if n < 40 else b"\xff\xd8\xff\xd9", fps=40) as url:
        source = open_source(url, SourceOptions(fps=50, timeout_s=1))
        with pytest.raises(CameraError):
            levels_of(source, 100)
        source.close()


def test_a_wrong_path_names_the_answer():
    with mjpeg_server(jpeg_of) as url, pytest.raises(CameraUnavailableError, match="404"):
        open_source(url.replace("live", "other"), OPTIONS)


def test_nobody_there_is_unavailable_and_the_password_is_not_shown(free_port):
    with pytest.raises(CameraUnavailableError) as caught:
        open_source(f"rtsp://admin:s3cret@127.0.0.1:{free_port}/cam", OPTIONS)
    assert "s3cret" not in str(caught.value)
    assert "refused" in str(caught.value)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
@pytest.mark.alone
def test_a_server_that_never_answers_is_given_up_in_time(scheme):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}/cam"
        began = time.monotonic()
        with pytest.raises(CameraUnavailableError, match="no answer within 0"):
            open_source(url, SourceOptions(timeout_s=0.5))
        assert time.monotonic() - began < 2


def test_close_from_another_thread_ends_the_read():
    with mjpeg_server(jpeg_of, fps=40, limit=60) as url:
        source = open_source(url, SourceOptions(fps=50, timeout_s=1))
        threading.Timer(0.3, source.close).start()
        with pytest.raises(CameraError):
            levels_of(source, 1000)


def test_a_missing_usb_camera_names_the_device():
    with pytest.raises(CameraUnavailableError, match="no device /dev/video87: connect the camera"):
        open_source("usb://87", OPTIONS)


def test_an_unknown_scheme_lists_the_known_ones():
    with pytest.raises(ConfigError, match="rtsp://"):
        open_source("ftp://camera", OPTIONS)


def test_an_rtsp_camera_is_read_over_tcp_and_its_end_is_said(tmp_path):
    video = write_video(tmp_path / "cam.mp4", frames=50, fps=25)
    with rtsp_server(video) as (url, process):
        source = open_source(url, SourceOptions(fps=50, timeout_s=2))
        levels = levels_of(source, 20)
        assert levels[5:] == [(levels[5] + n) % 25 for n in range(15)]  # what queued while probing comes at once, and is capped
        process.kill()
        with pytest.raises(CameraError):
            levels_of(source, 100)
        source.close()


@pytest.mark.alone
def test_another_rate_needs_no_other_connection():
    with mjpeg_server(jpeg_of, fps=40) as url:
        source = open_source(url, SourceOptions(fps=40, timeout_s=2))
        levels_of(source, 3)
        assert source.set_fps(10)
        took_s = seconds(lambda: levels_of(source, 10))
        source.close()
    assert 0.7 < took_s < 1.4
