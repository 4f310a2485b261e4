"""Frames of a source go when nobody holds them, not when the garbage collector comes: 1080p takes 3 MB a frame."""

import gc

import av
import pytest
from tests.fixtures.clips import write_clip

from davy.adapters.camera import open_source
from davy.domain.ports import SourceOptions


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", frames=40, fps=100)


def test_a_frame_that_is_read_and_dropped_is_gone(clip):
    source = open_source(f"file://{clip}", SourceOptions(fps=120))
    gc.collect()
    gc.disable()
    try:
        before = sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
        for _ in range(30):
            source.read()
        kept = sum(isinstance(each, av.VideoFrame) for each in gc.get_objects()) - before
    finally:
        gc.enable()
        source.close()
    assert kept <= 3
