"""Where the shipped model lies."""

from importlib.resources import files
from pathlib import Path


def shipped_model() -> Path:
    """The ONNX file of the network that comes with Davy."""
    return Path(str(files("davy.imaging.runtime").joinpath("weights", "ispcnn.onnx")))
