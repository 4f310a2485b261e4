"""The ISP-CNN and its checkpoint format."""

from davy.nets.ispcnn import IspCnn

__all__ = ["IspCnn"]
