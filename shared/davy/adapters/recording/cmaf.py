"""Recorded segments as CMAF (ISO/IEC 23000-19): the initialisation, and media whose times count from 1970.

Each recorded file begins at time 0. A player of several files needs one clock: the decode times of the fragments are moved, and
nothing else of a file changes.
"""

import struct
from collections.abc import Iterator

from davy.adapters.recording.writer import ticks
from davy.domain.errors import UnreadableVideoError
from davy.domain.recording import Segment

HEAD_BYTES = 4096  # of a recorded file: its initialisation has some 1200

_TRACK = (b"moov", b"trak", b"mdia", b"minf", b"stbl")


def initialisation_of(segment: Segment, data: bytes) -> bytes:
    """Return the boxes before the first fragment: ftyp and moov.

    Args:
        segment: The segment.
        data: Its file, or the first HEAD_BYTES of it.

    Raises:
        UnreadableVideoError: it is damaged.
    """
    for kind, _, end in _boxes(data, 0, len(data)):
        if kind == b"moov":
            return data[:end]
    raise UnreadableVideoError(segment.path, "no initialisation")


def sample_entry_of(segment: Segment, data: bytes) -> bytes:
    """Return the description of the samples: two segments with the same one need one initialisation.

    Args:
        segment: The segment.
        data: Its file, or the first HEAD_BYTES of it.

    Raises:
        UnreadableVideoError: it is damaged.
    """
    start, end = 0, len(data)
    for name in _TRACK:
        start, end = next(((at, until) for kind, at, until in _boxes(data, start, end) if kind == name), (0, 0))
    found = next((data[at:until] for kind, at, until in _boxes(data, start, end) if kind == b"stsd"), b"")
    if not found:
        raise UnreadableVideoError(segment.path, "no description of its video")
    return found


def media_of(segment: Segment, data: bytes) -> bytes:
    """Return the fragments: moof and mdat, with decode times in 1/90000 s since 1970.

    Args:
        segment: The segment.
        data: Its whole file.

    Raises:
        UnreadableVideoError: it is damaged.
    """
    moved, kept, offset = bytearray(data), bytearray(), ticks(segment.start_ns)
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"moof":
            for track, at, until in _boxes(data, start, end):
                if track == b"traf":
                    _move(moved, at, until, offset)
        if kind in (b"moof", b"mdat"):
            kept += moved[start - 8 : end]
    if not kept:
        raise UnreadableVideoError(segment.path, "no fragment")
    return bytes(kept)


def _move(data: bytearray, start: int, end: int, offset: int) -> None:
    """Add an offset to the decode time of a track's fragment (ISO/IEC 14496-12, 8.8.12)."""
    for kind, at, _ in _boxes(data, start, end):
        if kind == b"tfdt" and data[at] == 1:  # version 1 has 64 bits; FFmpeg writes no other
            (time,) = struct.unpack_from(">Q", data, at + 4)
            struct.pack_into(">Q", data, at + 4, time + offset)


def _boxes(data: bytes | bytearray, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start of the content and end of each whole box with a size of 32 bits; recorded files have no others."""
    while start + 8 <= end:
        size = int.from_bytes(data[start : start + 4])
        if size < 8 or start + size > end:
            return
        yield bytes(data[start + 4 : start + 8]), start + 8, start + size
        start += size
