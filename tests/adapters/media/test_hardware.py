"""A camera whose decoder is absent is decoded in software."""

import pytest
from tests.fixtures.clips import write_clip

from davy.adapters.camera import open_source
from davy.adapters.media.hardware import device
from davy.domain.ports import SourceOptions


@pytest.mark.parametrize("decoder", ["cuda", "qsv", "vaapi", "drm"])
def test_an_absent_device_leaves_the_camera_to_software(decoder, clip):
    source = open_source(f"file://{clip}", SourceOptions(fps=100, decoder=decoder))
    assert source.read().size == (320, 180)
    source.close()


def test_an_unknown_device_is_software():
    assert device("software") is None and device("gramophone") is None


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", frames=10, fps=10)
