"""Cameras over HTTP: a stream of pictures (MJPEG), a snapshot URL, or another stream that FFmpeg reads."""

import http.client
from collections.abc import Iterator
from itertools import chain

from davy.adapters.camera.live import LiveSource
from davy.adapters.camera.mjpeg import MjpegStream
from davy.adapters.camera.picture_stream import JPEG, PNG, split_pictures
from davy.adapters.camera.response import HttpResponse
from davy.adapters.camera.snapshot import SnapshotSource
from davy.domain.errors import CameraUnavailableError
from davy.domain.ports import FrameSource, SourceOptions
from davy.domain.source import Source

CHUNK_BYTES = 64 * 1024
_PAGES = ("text/html", "application/xhtml+xml")
_SEQUENCES = ("multipart/", "video/x-motion-jpeg", "video/mjpeg", "video/x-mjpeg", "video/x-jpeg")
_UNSPECIFIED = ("", "application/octet-stream", "binary/octet-stream", "text/plain")  # the first bytes show the format


def open_http(source: Source, options: SourceOptions) -> FrameSource:
    """Open the URL by the type of its response: a stream of pictures, a snapshot, or another stream.

    Raises:
        CameraUnavailableError: no response, an error status, or a response without a picture.
    """
    try:
        response = HttpResponse(source.text, options)
    except http.client.HTTPException:  # not quite HTTP: FFmpeg is more tolerant
        return LiveSource(source, options)
    try:
        return _source(response.redirected_to or source, options, response)
    except (OSError, http.client.HTTPException, ValueError) as error:
        response.close()
        raise CameraUnavailableError(response.source, response.reason(error)) from error


def _source(source: Source, options: SourceOptions, response: HttpResponse) -> FrameSource:
    if response.content_type in _PAGES:
        raise ValueError(f"its response is a web page ({response.content_type}), not a picture")
    head = response.read(CHUNK_BYTES) if response.content_type in _UNSPECIFIED else b""
    if not (response.content_type.startswith((*_SEQUENCES, "image/")) or JPEG in head or PNG in head):
        response.close()
        return LiveSource(source, options)
    pictures = split_pictures(_chunks(response, head), response.boundary)
    if not response.content_type.startswith(_SEQUENCES):
        first = list(_first_two(pictures, response))
        if len(first) < 2:
            response.close()
            return SnapshotSource(source.text, options)
        pictures = chain(first, pictures)
    return LiveSource(source, options, MjpegStream(pictures, response, options.timeout_s), own_rate=True)


def _chunks(response: HttpResponse, head: bytes) -> Iterator[bytes]:
    yield head
    while chunk := response.read(CHUNK_BYTES):
        yield chunk


def _first_two(pictures: Iterator[bytes], response: HttpResponse) -> Iterator[bytes]:
    """Yield one picture of a snapshot, two of a stream."""
    first = next(pictures, None)
    if first is None:
        raise ValueError(f"its response ({response.content_type or 'without a type'}) holds no picture")
    yield first
    if response.has_length:
        return
    try:
        yield from [] if (second := next(pictures, None)) is None else [second]
    except TimeoutError:  # the camera keeps the connection open after a snapshot
        return
