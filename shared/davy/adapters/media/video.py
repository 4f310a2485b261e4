"""Video files through PyAV: every picture is changed, everything else in the file stays.

Audio, subtitles, chapters and tags are copied as they are. Each picture keeps its time stamp, so a variable frame rate
stays variable. A rotation in the metadata is applied to the pixels. Pictures come out as 8-bit 4:2:0 H.264 (VP9 in
WebM, MJPEG or MPEG-4 in AVI), with one row or column more where a side is odd, for 4:2:0 needs even ones.
"""

from __future__ import annotations  # PyAV's Packet is generic in its stub only

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.video.reformatter import Colorspace
from av.video.stream import VideoStream

from davy.domain.errors import UnreadableVideoError
from davy.domain.frame import BgrImage

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".flv", ".3gp")
_BT709, _BT2020 = 1, 9  # AVCOL_SPC
_NOT_TAGS = {"encoder", "major_brand", "minor_version", "compatible_brands", "creation_time"}  # of the file, not of its content

Change = Callable[[BgrImage], BgrImage]
"""Called once per picture, in order of display; returns a picture `panes` times as wide."""


@dataclass(slots=True)
class VideoReport:
    """What became of a file. damaged counts packets of pictures that could not be decoded, and were left out."""

    frames: int = 0
    damaged: int = 0
    copied: list[str] = field(default_factory=list)  # "audio aac", ...
    left_out: list[str] = field(default_factory=list)  # streams that the output's kind of file cannot hold


def transcode(
    source: Path,
    target: Path,
    change: Change,
    *,
    quality: int = 90,
    panes: int = 1,
    progress: Callable[[float], None] = lambda _: None,
) -> VideoReport:
    """Write `source` with every picture changed to `target`.

    Args:
        target: its suffix, one of SUFFIXES, decides the kind of file. Written directly: give a temporary name.
        quality: 1 to 100; 90 is CRF 18, hardly told from the original.
        panes: how many times as wide as the source's pictures the changed ones are.
        progress: called with the part done, 0 to 1.

    Raises:
        UnreadableVideoError: not a video, damaged from the start, or with streams that cannot be written.
    """
    try:
        with av.open(str(source)) as reader:
            first = _first_frame(source)
            with av.open(str(target), "w") as writer:
                return _Transcoding(reader, writer, first, quality, panes).run(change, progress)
    except av.FFmpegError as error:
        raise UnreadableVideoError(str(source), error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True)
class _First:
    """What the first picture says of all."""

    width: int  # upright
    height: int
    quarter_turns: int  # counter-clockwise, to upright
    colorspace: int
    primaries: int
    transfer: int


def _first_frame(source: Path) -> _First:
    with av.open(str(source)) as reader:
        stream = reader.streams.best("video")
        if stream is None:
            raise UnreadableVideoError(str(source), "it holds no video")
        for packet in reader.demux(stream):
            with contextlib.suppress(av.error.InvalidDataError):
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        turns = round(frame.rotation / 90) % 4
                        sides = (frame.width, frame.height) if turns % 2 == 0 else (frame.height, frame.width)
                        return _First(*sides, turns, frame.colorspace, frame.color_primaries, frame.color_trc)
    raise UnreadableVideoError(str(source), "no picture in it can be decoded")


class _Transcoding:
    def __init__(self, reader: InputContainer, writer: OutputContainer, first: _First, quality: int, panes: int) -> None:
        self.reader, self.writer, self.first = reader, writer, first
        self.report = VideoReport()
        self.source = cast(VideoStream, reader.streams.best("video"))  # _first_frame has seen that there is one
        self.source.thread_type = "AUTO"
        self.target = self._add_video(quality, panes)
        self.copies = dict(self._add_copies())
        writer.metadata.update({name: text for name, text in reader.metadata.items() if name.lower() not in _NOT_TAGS})
        with contextlib.suppress(AttributeError, ValueError):  # before PyAV 14, or a file that holds none
            writer.set_chapters(reader.chapters())
        self.last_pts: int | None = None

    def _add_video(self, quality: int, panes: int) -> VideoStream:
        codec, options = self._encoder(quality)
        rate = self.source.guessed_rate or self.source.average_rate or Fraction(25)
        stream = cast(VideoStream, self.writer.add_stream(codec, rate=rate, options=options))
        stream.width = panes * self.first.width + panes * self.first.width % 2
        stream.height = self.first.height + self.first.height % 2
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base(rate)
        ratio = self.source.sample_aspect_ratio
        if ratio:
            context.sample_aspect_ratio = 1 / ratio if self.first.quarter_turns % 2 else ratio
        context.colorspace = self.first.colorspace
        context.color_primaries = self.first.primaries
        context.color_trc = self.first.transfer
        stream.metadata.update({k: v for k, v in self.source.metadata.items() if k in ("language", "title")})
        return stream

    def _encoder(self, quality: int) -> tuple[str, dict[str, str]]:
        crf = round(51 - 0.37 * quality)
        match self.writer.format.name:
            case "webm":
                return "libvpx-vp9", {"crf": str(crf + 12), "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
            case "avi":  # it stores no presentation times, and H.264 in it plays a picture late
                scale = max(2, round(2 + 0.29 * (100 - quality)))  # 2 to 31; FFmpeg counts in 1/118
                codec = "mjpeg" if self.source.codec_context.name == "mjpeg" else "mpeg4"
                return codec, {"flags": "+qscale", "global_quality": str(118 * scale)}
            case _:
                return "libx264", {"crf": str(crf), "preset": "veryfast"}

    def _time_base(self, rate: Fraction) -> Fraction:
        """The source's own, so that time stamps stay exact; AVI counts pictures only."""
        return 1 / rate if self.writer.format.name == "avi" else cast(Fraction, self.source.time_base)

    def _add_copies(self) -> Iterator[tuple[int, Stream]]:
        for stream in self.reader.streams:
            if not isinstance(stream, AudioStream | SubtitleStream):
                if stream.index != self.source.index:
                    self.report.left_out.append(stream.type)
                continue
            name = f"{stream.type} {stream.codec_context.name}"
            try:
                copy = self.writer.add_stream_from_template(stream)
            except (ValueError, av.FFmpegError):  # an MP4 holds no SubRip, a WebM no AAC, ...
                self.report.left_out.append(name)
                continue
            copy.metadata.update({k: v for k, v in stream.metadata.items() if k in ("language", "title")})
            self.report.copied.append(name)
            yield stream.index, copy

    def run(self, change: Change, progress: Callable[[float], None]) -> VideoReport:
        self.writer.start_encoding()
        done = 0.0
        wanted = [self.source, *(self.reader.streams[index] for index in self.copies)]
        for packet in self._packets(wanted):
            if packet.stream.index == self.source.index:
                self._change(packet, change)
                done = max(done, self._part_done(packet))  # packets come in the order of decoding, not of display
                progress(done)
            elif packet.dts is not None:  # None ends a stream
                packet.stream = self.copies[packet.stream.index]
                self.writer.mux(packet)
        if not self.report.frames:
            raise UnreadableVideoError(self.reader.name, "no picture in it can be decoded")
        self.writer.mux(self.target.encode(None))
        progress(1.0)
        return self.report

    def _packets(self, wanted: list[Any]) -> Iterator[Packet[Any]]:
        """A file that breaks off in the middle ends there; what came before is worth having."""
        packets = self.reader.demux(wanted)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.report.damaged += 1
                return
            yield packet

    def _change(self, packet: Packet[Any], change: Change) -> None:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            self.report.damaged += 1
            return
        for frame in frames:
            assert isinstance(frame, av.VideoFrame)
            self.writer.mux(self.target.encode(self._changed(frame, change)))
            self.report.frames += 1

    def _changed(self, frame: av.VideoFrame, change: Change) -> av.VideoFrame:
        turns = self.first.quarter_turns
        stored = (self.first.width, self.first.height) if turns % 2 == 0 else (self.first.height, self.first.width)
        # The size is given because some cameras change it in the middle of a file.
        pixels = frame.to_ndarray(format="bgr24", width=stored[0], height=stored[1])
        changed = change(np.ascontiguousarray(np.rot90(pixels, turns)))
        missing = (self.target.height - changed.shape[0], self.target.width - changed.shape[1])
        if any(missing):
            changed = np.pad(changed, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        matrix = {_BT709: Colorspace.ITU709, _BT2020: Colorspace.BT2020}.get(self.first.colorspace)
        better = av.VideoFrame.from_ndarray(changed, format="bgr24").reformat(format=self.target.pix_fmt, dst_colorspace=matrix)
        better.pts, better.time_base = self._pts(frame), self.target.codec_context.time_base
        return better

    def _pts(self, frame: av.VideoFrame) -> int:
        """The time stamp in units of the encoder, growing with each picture, whatever the source says."""
        unit = self.target.codec_context.time_base
        if frame.pts is not None and frame.time_base is not None:
            pts = round(frame.pts * frame.time_base / unit)
        else:
            step = 1 / (self.source.guessed_rate or Fraction(25))
            pts = 0 if self.last_pts is None else self.last_pts + max(1, round(step / unit))
        if self.last_pts is not None and pts <= self.last_pts:
            pts = self.last_pts + 1
        self.last_pts = pts
        return pts

    def _part_done(self, packet: Packet[Any]) -> float:
        if packet.pts is None or not self.reader.duration or packet.time_base is None:
            return 0.0
        start = (self.reader.start_time or 0) / av.time_base
        return min(max((float(packet.pts * packet.time_base) - start) / (self.reader.duration / av.time_base), 0.0), 1.0)
