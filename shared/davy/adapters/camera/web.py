"""Cameras over HTTP: pictures in a row, one picture that is asked for again and again, and whatever else FFmpeg streams."""

import http.client
from collections.abc import Iterator
from itertools import chain

from davy.adapters.camera.answer import Answer
from davy.adapters.camera.live import LiveSource
from davy.adapters.camera.mjpeg import MjpegPictures
from davy.adapters.camera.parts import JPEG, PNG, pictures_of
from davy.adapters.camera.stills import StillSource
from davy.domain.errors import CameraUnavailableError
from davy.domain.ports import FrameSource, SourceOptions
from davy.domain.source import Source

CHUNK_BYTES = 64 * 1024
_PAGES = ("text/html", "application/xhtml+xml")
_IN_A_ROW = ("multipart/", "video/x-motion-jpeg", "video/mjpeg", "video/x-mjpeg", "video/x-jpeg")
_UNTOLD = ("", "application/octet-stream", "binary/octet-stream", "text/plain")  # what it is shows in its first bytes


def open_http(source: Source, options: SourceOptions) -> FrameSource:
    """Open what the URL answers with: pictures in a row, one picture (asked for options.fps times a second), or a stream.

    Raises:
        CameraUnavailableError: it does not answer, refuses, or answers with what is no picture.
    """
    try:
        answer = Answer(source.text, options)
    except http.client.HTTPException:  # it speaks almost HTTP: FFmpeg is lenient
        return LiveSource(source, options)
    try:
        return _source(answer.moved_to or source, options, answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        answer.close()
        raise CameraUnavailableError(answer.source, answer.reason(error)) from error


def _source(source: Source, options: SourceOptions, answer: Answer) -> FrameSource:
    if answer.kind in _PAGES:
        raise ValueError(f"it answers with a web page ({answer.kind}), not with a picture")
    head = answer.read(CHUNK_BYTES) if answer.kind in _UNTOLD else b""
    if not (answer.kind.startswith((*_IN_A_ROW, "image/")) or JPEG in head or PNG in head):
        answer.close()
        return LiveSource(source, options)
    pictures = pictures_of(_chunks(answer, head), answer.boundary)
    if not answer.kind.startswith(_IN_A_ROW):
        begun = list(_first_two(pictures, answer))
        if len(begun) < 2:
            answer.close()
            return StillSource(source.text, options)
        pictures = chain(begun, pictures)
    return LiveSource(source, options, MjpegPictures(pictures, answer, options.timeout_s), own_rate=True)


def _chunks(answer: Answer, head: bytes) -> Iterator[bytes]:
    yield head
    while chunk := answer.read(CHUNK_BYTES):
        yield chunk


def _first_two(pictures: Iterator[bytes], answer: Answer) -> Iterator[bytes]:
    """One picture where the answer is one picture, two where others follow."""
    first = next(pictures, None)
    if first is None:
        raise ValueError(f"its answer ({answer.kind or 'of no type'}) holds no picture")
    yield first
    if answer.has_length:
        return
    try:
        yield from [] if (second := next(pictures, None)) is None else [second]
    except TimeoutError:  # it keeps the connection open after its one picture
        return
