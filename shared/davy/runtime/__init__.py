"""The ISP-CNN without torch: the network in ONNX Runtime on a thumbnail, one fused pass at full resolution."""

from davy.runtime.model import shipped_model
from davy.runtime.still import StillEnhancer
from davy.runtime.video import VideoEnhancer

__all__ = ["StillEnhancer", "VideoEnhancer", "shipped_model"]
