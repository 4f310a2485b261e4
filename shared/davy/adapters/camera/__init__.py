"""Cameras by their URL: rtsp, HTTP MJPEG, video files, folders of pictures, USB.

PyAV (FFmpeg) has real timeouts; OpenCV's VideoCapture.read can hang forever on a dead stream.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote

from davy.adapters.camera.folder import FolderSource
from davy.adapters.camera.live import LiveSource, open_usb
from davy.adapters.camera.video import VideoFileSource
from davy.adapters.camera.web import open_http
from davy.domain.errors import CameraUnavailableError
from davy.domain.ports import FrameSource, OpenSource, SourceOptions
from davy.domain.source import InvalidSourceError, Source

__all__ = ["OPENERS", "open_source"]


def open_source(url: str, options: SourceOptions) -> FrameSource:
    """Open a camera. Blocks for at most options.timeout_s, apart from name resolution.

    Args:
        url: rtsp[s]://…, http[s]://… (MJPEG, one picture, or anything FFmpeg streams), file:///video.mp4, file:///folder, usb://0.
        options: Frame rate, picture size, timeout, and whether files are looped.

    Raises:
        CameraUnavailableError: the camera is missing or delivers no picture.
        InvalidSourceError: the URL is malformed, or options.policy does not allow it.
    """
    source = Source.parse(url)
    if source.scheme not in OPENERS:
        raise InvalidSourceError(f"{source.scheme}:// cameras exist only inside `davy demo`")
    return OPENERS[source.scheme](url, options)


def _open_file(url: str, options: SourceOptions) -> FrameSource:
    name = url.partition("://")[2]  # file://folder is accepted as a relative path
    path = Path(name) if name and Path(name).exists() else Path(unquote(name))  # # and ? are valid in file names
    options.policy.check(Source.parse(url))
    options.policy.check_path(path)
    if path.is_dir():
        return FolderSource(path, options)
    if path.is_file():
        from davy.adapters.media.listing import is_picture  # Pillow is not loaded at the start of an edge

        return FolderSource(path, options) if is_picture(path) else VideoFileSource(path, options)
    raise CameraUnavailableError(
        url, "no such file or folder" if str(path) != "." else "the path of a file or folder is missing"
    )


def _open_rtsp(url: str, options: SourceOptions) -> FrameSource:
    return LiveSource(Source.parse(url), options)


def _open_web(url: str, options: SourceOptions) -> FrameSource:
    return open_http(Source.parse(url), options)


OPENERS: Mapping[str, OpenSource] = {
    "rtsp": _open_rtsp,
    "rtsps": _open_rtsp,
    "http": _open_web,
    "https": _open_web,
    "file": _open_file,
    "usb": open_usb,
}
