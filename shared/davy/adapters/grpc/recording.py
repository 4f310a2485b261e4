"""Recorded segments as protobuf, there and back. What comes from a wire is checked here, once."""

import re

from davy.adapters.grpc.video import from_variant, to_variant
from davy.domain.bounds import check_seq, check_time_ns
from davy.domain.camera import CameraAddress, check_id
from davy.domain.errors import InvalidInputError, TooLargeError
from davy.domain.recording import Segment
from davy.v1 import recording_pb2

PIECE_BYTES = 65_536
LIST_SEGMENTS = 500  # in one message
MAX_SEGMENT_BYTES = 256_000_000


def to_segment(segment: Segment) -> recording_pb2.RecordedSegment:
    """Return a segment as a message."""
    return recording_pb2.RecordedSegment(
        site=segment.camera.site,
        edge=segment.camera.edge,
        camera=segment.camera.camera,
        variant=to_variant(segment.variant),
        boot_id=segment.boot_id,
        first_seq=segment.first_seq,
        last_seq=segment.last_seq,
        start_ns=segment.start_ns,
        end_ns=segment.end_ns,
        sha256=segment.sha256,
        bytes=segment.bytes,
    )


def from_segment(message: recording_pb2.RecordedSegment) -> Segment:
    """Read a segment.

    Raises:
        InvalidInputError: a field is invalid; the text names it.
        TooLargeError: its file is over 256 MB.
    """
    if not re.fullmatch(r"[0-9a-f]{64}", message.sha256):
        raise InvalidInputError("sha256 of a segment is not 64 hex digits")
    if not message.bytes:
        raise InvalidInputError("a segment has no bytes")
    if message.bytes > MAX_SEGMENT_BYTES:
        raise TooLargeError(f"a segment of {message.bytes} bytes is over the limit of {MAX_SEGMENT_BYTES}")
    segment = Segment(
        camera=CameraAddress(message.site, message.edge, message.camera),
        variant=from_variant(message.variant),
        boot_id=check_id("boot", message.boot_id),
        first_seq=check_seq(message.first_seq),
        last_seq=check_seq(message.last_seq),
        start_ns=check_time_ns("start_ns", message.start_ns),
        end_ns=check_time_ns("end_ns", message.end_ns),
        sha256=message.sha256,
        bytes=message.bytes,
    )
    segment.check()
    return segment
