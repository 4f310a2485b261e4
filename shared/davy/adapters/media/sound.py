"""Audio and subtitles of a video file: copied if the output supports them; else audio is converted."""

from __future__ import annotations  # PyAV's Packet is generic in its stub only

import io
from collections.abc import Iterator
from typing import Any, cast

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream

_ENCODERS = {"webm": "libopus", "matroska": "flac", "avi": "pcm_s16le"}  # others: AAC
_AAC = "aac"
_PCM = "pcm_s16le"
_PRIVATE_IN_TS = ("pcm_", "adpcm_", "flac", "vorbis", "alac")  # written without an error, but no player supports it


def can_hold(container: str, stream: Stream) -> bool:
    """Whether a container format supports a stream, by a trial header in memory.

    Args:
        container: FFmpeg's name of the muxer.
        stream: Stream of the source.
    """
    if container == "mpegts" and stream.codec_context.name.startswith(_PRIVATE_IN_TS):
        return False
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    return True


class SoundConverter:
    """Decode an audio stream and encode it for the output.

    Raises:
        ValueError, av.FFmpegError: no decoder, or the encoder rejects the stream.
    """

    def __init__(self, writer: OutputContainer, source: AudioStream) -> None:
        codec = _ENCODERS.get(writer.format.name, _AAC)
        if writer.format.name == "matroska" and source.codec_context.name.startswith("pcm_"):
            codec = _PCM  # lossless: G.711 and similar codecs decode to 16 bits
        self._source = source
        rate = 48_000 if codec == "libopus" else source.codec_context.sample_rate
        self.target = cast(AudioStream, writer.add_stream(codec, rate=rate))
        self.target.codec_context.layout = source.codec_context.layout
        encoder_format = self.target.codec_context.codec.audio_formats
        self.target.codec_context.format = encoder_format[0] if encoder_format else "s16"
        self._resampler = av.AudioResampler(self.target.codec_context.format, source.codec_context.layout, rate)

    @property
    def codec(self) -> str:
        """FFmpeg's name of the encoder."""
        return self.target.codec_context.name

    def convert(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Yield packets of the output; undecodable audio is skipped."""
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            return
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            for ready in self._resampler.resample(frame):
                yield from self.target.encode(ready)

    def flush(self) -> Iterator[Packet[Any]]:
        """Yield the remaining packets."""
        for ready in self._resampler.resample(None):
            yield from self.target.encode(ready)
        yield from self.target.encode(None)
