"""The ISP-CNN and its checkpoint format."""

from davy.imaging.nets.ispcnn import IspCnn

__all__ = ["IspCnn"]
