"""Object detection by any ONNX model: description, session, decoding. Needs the extra `detect`."""

from davy.imaging.detect.model import Detector, OnnxDetector
from davy.imaging.detect.shipped import shipped_detector, shipped_path
from davy.imaging.detect.spec import DetectorSpec, Head, parse_spec, read_spec

__all__ = ["Detector", "DetectorSpec", "Head", "OnnxDetector", "parse_spec", "read_spec", "shipped_detector", "shipped_path"]
