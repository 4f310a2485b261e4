"""The ISP-CNN without torch: ONNX Runtime on a thumbnail, then one fused full-resolution pass."""

from davy.imaging.runtime.model import shipped_model
from davy.imaging.runtime.still import StillEnhancer
from davy.imaging.runtime.video import VideoEnhancer

__all__ = ["StillEnhancer", "VideoEnhancer", "shipped_model"]
