"""Fragmented MP4 (CMAF, ISO/IEC 23000-19): one initialisation segment, and one segment per group of pictures."""

import io
from dataclasses import dataclass, field

import av
from av.container import OutputContainer

from davy.adapters.media.muxing import PacketMuxer
from davy.domain.video import VideoPacket

_FLAGS = "frag_keyframe+cmaf"  # a fragment ends as the next key frame comes


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of pictures.

    Args:
        number: 0, 1, 2, ... in a stream.
        duration_s: To the next segment's first picture.
        captured_ns: Unix time of its first picture in ns, on the edge's clock.
        data: moof and mdat.
    """

    number: int
    duration_s: float
    captured_ns: int
    data: bytes = field(repr=False)


class _Sink(io.RawIOBase):
    """Collects what the muxer writes; no seeking, as on a wire."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # FFmpeg gives bytes
        self._data += data
        return len(data)

    def take(self) -> bytes:
        taken, self._data = bytes(self._data), bytearray()
        return taken


class Fragmenter:
    """Cuts packets into segments at their key frames. The first packet is a key frame.

    Raises:
        av.FFmpegError: the packets are no readable H.264.
    """

    def __init__(self, first: VideoPacket) -> None:
        self._sink = _Sink()
        output = av.open(self._sink, "w", format="mp4", options={"movflags": _FLAGS, "flush_packets": "1"})
        assert isinstance(output, OutputContainer)
        self._output, self._muxer = output, PacketMuxer(output, first)
        output.start_encoding()
        self.init = self._sink.take()
        self._first: VideoPacket | None = None  # of the present group
        self._number = 0

    def put(self, packet: VideoPacket) -> Segment | None:
        """Add a packet. Returns the segment before it, if a key frame ends one.

        Raises:
            av.FFmpegError: the packet is no readable H.264.
        """
        self._muxer.put(packet)
        if not packet.key:
            return None
        before, self._first = self._first, packet
        if before is None:
            return None
        duration_s = max(0.001, (packet.captured_ns - before.captured_ns) / 1e9)
        segment = Segment(self._number, duration_s, before.captured_ns, self._sink.take())
        self._number += 1
        return segment
