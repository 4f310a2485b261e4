"""Packets into the streams and files of FFmpeg's library, without encoding anything."""

import io
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from davy.domain.video import VideoPacket

MICROSECONDS = Fraction(1, 1_000_000)


def add_stream(output: OutputContainer, key: VideoPacket) -> VideoStream:
    """Add the stream that the parameter sets of a key frame describe; reading them takes 1.5 ms.

    Raises:
        av.FFmpegError: the key frame cannot be read.
        IndexError: it holds no video.
    """
    with av.open(io.BytesIO(key.data), "r", format="h264") as probed:
        return output.add_stream_from_template(probed.streams.video[0])


class PacketMuxer:
    """Writes packets into an output of FFmpeg's library. The first packet is a key frame.

    Args:
        output: An open output without streams.
        first: Its parameter sets describe the stream.

    Raises:
        av.FFmpegError: the key frame cannot be read.
    """

    def __init__(self, output: OutputContainer, first: VideoPacket) -> None:
        self._output, self._began_ns, self._last = output, first.captured_ns, -1
        self._stream = add_stream(output, first)
        self._stream.time_base = MICROSECONDS

    def put(self, packet: VideoPacket) -> None:
        """Write a packet.

        Raises:
            av.FFmpegError: the output takes no more, such as a server that is gone.
        """
        made: av.Packet[Any] = av.Packet(packet.data)
        self._last = max(self._last + 1, (packet.captured_ns - self._began_ns) // 1000)  # an edge's clock may step back
        made.pts = made.dts = self._last
        made.time_base, made.stream = MICROSECONDS, self._stream
        made.is_keyframe = packet.key
        self._output.mux(made)
