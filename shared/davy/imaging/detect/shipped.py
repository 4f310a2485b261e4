"""The detector that Davy ships."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from davy.imaging.detect.model import OnnxDetector
from davy.imaging.detect.spec import read_spec


def shipped_path() -> Path:
    """Path of the shipped ONNX file."""
    return Path(str(files("davy.imaging.detect").joinpath("weights", "people.onnx")))


@cache
def shipped_detector(providers: tuple[str, ...] = ("cpu",)) -> OnnxDetector:
    """The shipped detector: NanoDet-g, fine-tuned on the simulated mine and ordinary photographs."""
    return OnnxDetector(shipped_path(), read_spec(shipped_path()), providers)
