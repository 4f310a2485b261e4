"""Object detection by any ONNX model: description, session, decoding. Needs the extra `detect`."""

from davy.imaging.detect.model import Detector, OnnxDetector
from davy.imaging.detect.shipped import PEOPLE_CLASSES, shipped_detector
from davy.imaging.detect.spec import DetectorSpec, Head, read_spec

__all__ = ["PEOPLE_CLASSES", "Detector", "DetectorSpec", "Head", "OnnxDetector", "read_spec", "shipped_detector"]
