"""Location of the shipped model."""

from importlib.resources import files
from pathlib import Path


def shipped_model() -> Path:
    """Path of the ONNX file that Davy ships."""
    return Path(str(files("davy.imaging.runtime").joinpath("weights", "ispcnn.onnx")))
