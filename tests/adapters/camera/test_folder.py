import threading
import time

import pytest
from tests.fixtures.cameras import UNDERGROUND, levels_of, picture, seconds

from davy.adapters.camera import open_source
from davy.adapters.media import jpeg
from davy.domain.errors import CameraEndedError, CameraUnavailableError
from davy.domain.ports import SourceOptions

FAST = SourceOptions(fps=200)


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(jpeg.encode(picture(20 + 8 * number), 95))
    return tmp_path


def test_pictures_come_in_order_and_start_again(folder):
    assert levels_of(open_source(f"file://{folder}", FAST), 7) == [0, 1, 2, 0, 1, 2, 0]


@pytest.mark.alone
def test_pictures_are_paced(folder):
    source = open_source(f"file://{folder}", SourceOptions(fps=20))
    source.read()
    assert 0.18 < seconds(lambda: [source.read() for _ in range(4)]) < 0.3


def test_a_picture_has_the_size_asked_for(folder):
    assert open_source(f"file://{folder}", SourceOptions(fps=200, size=(160, 96))).read().size == (160, 96)


def test_an_unreadable_picture_is_skipped_with_one_line(folder, caplog):
    (folder / "1.jpg").write_bytes((folder / "1.jpg").read_bytes()[:400])
    source = open_source(f"file://{folder}", FAST)
    assert levels_of(source, 6) == [0, 2, 0, 2, 0, 2]
    assert source.damaged == 1
    assert caplog.text.count("camera.unreadable") == 1


def test_a_new_picture_joins_in_the_next_round(folder):
    source = open_source(f"file://{folder}", FAST)
    levels_of(source, 3)
    (folder / "3.jpg").write_bytes(jpeg.encode(picture(44), 95))
    assert levels_of(source, 4) == [0, 1, 2, 3]


def test_one_picture_is_a_camera_that_stands_still(folder):
    assert levels_of(open_source(f"file://{folder}/1.jpg", FAST), 3) == [1, 1, 1]


def test_without_loop_the_end_is_said(folder):
    source = open_source(f"file://{folder}", SourceOptions(fps=200, loop=False))
    levels_of(source, 3)
    with pytest.raises(CameraEndedError):
        source.read()


def test_an_empty_folder_says_what_belongs_there(tmp_path):
    (tmp_path / "readme.txt").write_text("no picture")
    with pytest.raises(CameraUnavailableError, match="holds no picture: add files of JPEG"):
        open_source(f"file://{tmp_path}", FAST)


def test_a_folder_of_nothing_readable_is_unavailable(tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(CameraUnavailableError, match="this file of an unknown format"):
        open_source(f"file://{tmp_path}", FAST).read()


@pytest.mark.alone
def test_close_ends_a_read_that_waits(folder):
    source = open_source(f"file://{folder}", SourceOptions(fps=0.1))
    source.read()
    threading.Timer(0.1, source.close).start()
    began = time.monotonic()
    with pytest.raises(CameraUnavailableError, match="closed"):
        source.read()
    assert time.monotonic() - began < 1


@pytest.mark.skipif(not UNDERGROUND.is_dir(), reason=f"{UNDERGROUND} is not there")
def test_real_frames_from_underground_are_a_camera():
    source = open_source(f"file://{UNDERGROUND}", SourceOptions(fps=100, size=(1280, 720)))
    frames = [source.read() for _ in range(20)]
    assert {frame.size for frame in frames} == {(1280, 720)}
    assert source.damaged == 0


@pytest.mark.alone
def test_another_rate_needs_no_other_source(folder):
    source = open_source(f"file://{folder}", SourceOptions(fps=100))
    assert levels_of(source, 2) == [0, 1]
    assert source.set_fps(10)
    assert 0.25 < seconds(lambda: levels_of(source, 4)) < 0.7
