"""ONVIF cameras: search by WS-Discovery, device information, and media profiles with their streams.

The packages of the extra `onvif` and the answers of cameras, which may be hostile, meet only in a process of its own.
"""

from davy.adapters.onvif.search import CameraSearch, SearchRequest, named_camera

__all__ = ["CameraSearch", "SearchRequest", "named_camera"]
