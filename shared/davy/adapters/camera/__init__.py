"""Cameras by their URL: rtsp, HTTP MJPEG, video files, folders of pictures, USB.

No OpenCV: its VideoCapture.read can hang for ever on a dead stream, and FFmpeg through PyAV has real timeouts.
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
        options: Rate, size, timeout, and whether files start again at their end.

    Raises:
        CameraUnavailableError: it is not there, or shows no picture.
        InvalidSourceError: the URL is malformed, or options.policy does not allow it.
    """
    source = Source.parse(url)
    if source.scheme not in OPENERS:
        raise InvalidSourceError(f"{source.scheme}:// cameras exist only inside `davy demo`")
    return OPENERS[source.scheme](url, options)


def _open_file(url: str, options: SourceOptions) -> FrameSource:
    written = url.partition("://")[2]  # file://folder is taken as relative, as people write it
    path = Path(written) if written and Path(written).exists() else Path(unquote(written))  # # and ? are letters of a name
    options.policy.check(Source.parse(url))
    options.policy.check_path(path)
    if path.is_dir():
        return FolderSource(path, options)
    if path.is_file():
        from davy.adapters.media.listing import is_picture  # Pillow: an edge starts without

        return FolderSource(path, options) if is_picture(path) else VideoFileSource(path, options)
    raise CameraUnavailableError(url, "there is no such file or folder" if str(path) != "." else "name a file or folder")


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
