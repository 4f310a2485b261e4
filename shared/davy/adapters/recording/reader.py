"""Reads segments: a range as one MP4, and single pictures. Packets are copied, never encoded again."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from davy.adapters.camera.picture import PlaneConverter
from davy.adapters.media import jpeg
from davy.adapters.recording.writer import HZ, OPTIONS, TICK, ticks
from davy.domain.errors import NotFoundError, UnreadableVideoError
from davy.domain.frame import YuvImage
from davy.domain.recording import Segment

PROGRESSIVE = {"movflags": "faststart", "video_track_timescale": str(HZ)}
"""Options of a file that every player can seek in."""

Source = tuple[Segment, Path | bytes]
"""A segment with its file."""


@contextmanager
def opened(source: Source) -> Iterator[InputContainer]:
    """Open the file of a segment.

    Raises:
        UnreadableVideoError: it is missing or damaged.
    """
    segment, file = source
    try:
        with av.open(io.BytesIO(file) if isinstance(file, bytes) else file, "r") as container:
            yield container
    except (FFmpegError, OSError) as error:
        raise UnreadableVideoError(segment.path, str(error)) from error


class _Buffer(io.RawIOBase):
    """Takes what a muxer writes, until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # any buffer
        self._chunks.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._chunks)
        self._chunks.clear()
        return data


def stream_mp4(sources: Iterable[Source], start_ns: int, end_ns: int) -> Iterator[bytes]:
    """Yield a fragmented MP4 of a range, a segment at a time.

    Its time 0 is start_ns, or the first recorded picture if that is later; gaps keep their length. Pictures before start_ns
    that a decoder needs are passed in the first milliseconds.

    Args:
        sources: Segments of one camera and variant in order of time.
        start_ns: Unix time in ns.
        end_ns: Unix time in ns, exclusive.

    Raises:
        UnreadableVideoError: a file is missing or damaged.
    """
    buffer, remuxer = _Buffer(), None
    for source in sources:
        with opened(source) as container:
            if remuxer is None:
                output = av.open(buffer, "w", format="mp4", options=OPTIONS)
                remuxer = _Remuxer(output, container.streams.video[0], start_ns, end_ns)
            remuxer.copy(source[0], container)
        if data := buffer.take():
            yield data
    if remuxer is not None:
        remuxer.output.close()
        yield buffer.take()


def write_mp4(path: Path, sources: Sequence[Source], start_ns: int, end_ns: int) -> None:
    """Write a range as `stream_mp4` yields it, to a file that every player can seek in.

    Raises:
        UnreadableVideoError: a file is missing or damaged.
        NotFoundError: nothing is recorded in the range.
    """
    if not sources:
        raise NotFoundError("nothing is recorded in this range")
    with opened(sources[0]) as first, av.open(path, "w", format="mp4", options=PROGRESSIVE) as output:
        remuxer = _Remuxer(output, first.streams.video[0], start_ns, end_ns)
        for source in sources:
            with opened(source) as container:
                remuxer.copy(source[0], container)


class _Remuxer:
    def __init__(self, output: OutputContainer, template: VideoStream, start_ns: int, end_ns: int) -> None:
        self.output, self._start_ns, self._end_ns = output, start_ns, end_ns
        self._stream = output.add_stream_from_template(template)
        self._stream.time_base = TICK
        self._origin_ns: int | None = None
        self._last = -1

    def copy(self, segment: Segment, container: InputContainer) -> None:
        if self._origin_ns is None:
            self._origin_ns = max(self._start_ns, segment.start_ns)
        offset = ticks(segment.start_ns - self._origin_ns)
        skipped = _pictures_before(container, -offset)
        for packet in _packets(container):
            at = offset + (packet.pts or 0)
            if at >= ticks(self._end_ns - self._origin_ns):
                return
            if skipped > 0:
                skipped -= 1
            elif at > self._last or at <= 0:  # a packet of two segments goes once
                self._mux(packet, at)

    def _mux(self, packet: "Packet[VideoStream]", at: int) -> None:
        at = max(self._last + 1, at)
        packet.stream, packet.time_base = self._stream, TICK
        packet.pts = packet.dts = self._last = at
        self.output.mux_one(packet)


def _pictures_before(container: InputContainer, at: int) -> int:
    """Return how many packets precede the last key frame at or before a time in ticks; rewind."""
    before = 0
    if at <= 0:
        return 0
    for number, packet in enumerate(_packets(container)):
        if (packet.pts or 0) > at:
            break
        if packet.is_keyframe:
            before = number
    container.seek(0)
    return before


def _packets(container: InputContainer) -> Iterator["Packet[VideoStream]"]:
    return (packet for packet in container.demux(container.streams.video[0]) if packet.size)


def frame_at(source: Source, at_ns: int, *, exact: bool = True) -> tuple[VideoFrame, int]:
    """Decode the picture that a segment shows at a time.

    Args:
        source: The segment.
        at_ns: Unix time in ns.
        exact: Otherwise decode the key frame at or before the time alone, which costs one picture.

    Returns:
        The picture, and the Unix time of its capture in ns.

    Raises:
        UnreadableVideoError: the file is missing or damaged.
    """
    segment = source[0]
    at = max(0, ticks(at_ns - segment.start_ns + 20_000))  # a time in us names its picture
    found: VideoFrame | None = None
    with opened(source) as container:
        skipped = _pictures_before(container, at)
        codec = container.streams.video[0].codec_context
        codec.thread_count = 1
        for frame in _decoded(codec, islice(_packets(container), skipped, None if exact else skipped + 1)):
            if found is not None and (frame.pts or 0) > at:
                break
            found = frame
    if found is None:
        raise UnreadableVideoError(segment.path, "no picture can be decoded")
    return found, segment.start_ns + (found.pts or 0) * 1_000_000_000 // HZ


def pictures(source: Source, from_ns: int = 0) -> Iterator[tuple[YuvImage, int]]:
    """Decode the pictures of a segment from a time on.

    Args:
        source: The segment.
        from_ns: Unix time in ns.

    Yields:
        The planes of a picture, which are valid until the next one, and the Unix time of its capture in ns.

    Raises:
        UnreadableVideoError: the file is missing or damaged.
    """
    segment, convert = source[0], PlaneConverter(None)
    first = max(0, ticks(from_ns - segment.start_ns))
    with opened(source) as container:
        skipped = _pictures_before(container, first)
        codec = container.streams.video[0].codec_context
        codec.thread_count = 1
        for frame in _decoded(codec, islice(_packets(container), skipped, None)):
            if (frame.pts or 0) >= first:
                yield convert(frame), segment.start_ns + (frame.pts or 0) * 1_000_000_000 // HZ


def _decoded(codec: VideoCodecContext, packets: Iterable["Packet[VideoStream]"]) -> Iterator[VideoFrame]:
    for packet in packets:
        yield from codec.decode(packet)
    yield from codec.decode(None)


def picture_at(source: Source, at_ns: int, width: int = 0, *, exact: bool = True, quality: int = 85) -> tuple[bytes, int]:
    """Encode the picture that a segment shows at a time; see `frame_at`.

    Args:
        source: The segment.
        at_ns: Unix time in ns.
        width: In pixels; 0 or more than the picture has: the picture's own.
        exact: Otherwise the key frame at or before the time.
        quality: Of the JPEG, 1 to 100.

    Returns:
        The JPEG, and the Unix time of its capture in ns.

    Raises:
        UnreadableVideoError: the file is missing or damaged.
    """
    frame, captured_ns = frame_at(source, at_ns, exact=exact)
    size = None
    if 0 < width < frame.width:
        size = (width, max(2, round(frame.height * width / frame.width / 2) * 2))
    return jpeg.encode(PlaneConverter(size)(frame), quality), captured_ns
