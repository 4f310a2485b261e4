"""A test of a source, with the openers that an edge has."""

import threading
import time

import pytest
from tests.fixtures.web_camera import header, web_camera

from davy.adapters.camera import open_source
from davy.adapters.media import jpeg
from davy.domain.errors import CameraError
from davy.domain.source import Source
from davy_edge.tasks.source_test import take_picture

pytestmark = pytest.mark.system


def test_an_edge_that_does_not_enhance_gives_the_raw_picture_alone(pictures):
    taken = take_picture(Source.parse(pictures), "verify", open_source, None, 5, lambda _: None)
    assert (jpeg.size_of(taken.raw), taken.enhanced) == ((taken.width, taken.height), None)
    assert 8 < taken.fps < 12


def test_a_camera_that_falls_silent_ends_the_test_in_time():
    def silent(request, stop):
        header(request, "multipart/x-mixed-replace; boundary=frame")
        stop.wait(10)

    began_s = time.monotonic()
    with web_camera(silent) as url, pytest.raises(CameraError):
        take_picture(Source.parse(url), "verify", open_source, None, 1, lambda _: None)
    assert time.monotonic() - began_s < 4


def test_a_source_that_is_closed_ends_the_test_at_once(pictures):
    def close_soon(opened):
        threading.Timer(0.2, opened.close).start()

    began_s = time.monotonic()
    with pytest.raises(CameraError, match="closed"):
        take_picture(Source.parse(pictures), "verify", open_source, None, 30, close_soon)
    assert time.monotonic() - began_s < 2
