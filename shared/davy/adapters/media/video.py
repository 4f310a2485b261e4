"""Transcode video files by PyAV: a function transforms every picture, everything else is kept.

Subtitles, chapters, tags and the recording time are copied; audio is copied if the output supports it, else converted.
Each picture keeps its time stamp, so a variable frame rate stays variable; concatenated recordings get continuous time stamps.
A display matrix in the metadata is applied to the pixels, interlaced pictures are deinterlaced, HDR becomes BT.709.
The output is 8-bit 4:2:0 H.264 (VP9 in WebM, MJPEG or MPEG-4 in AVI); odd sides get an additional row or column, as 4:2:0 needs
even ones. Without a transform, the pictures are copied as packets.
"""

from __future__ import annotations  # PyAV's Packet is generic in its stub only

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.subtitles.stream import SubtitleStream
from av.video.stream import VideoStream

from davy.adapters.media import formats
from davy.adapters.media.conversion import BT709, HDR_TRANSFERS, PixelReader, PixelWriter, matrix_of
from davy.adapters.media.orientation import orientation_of, swaps_sides, upright
from davy.adapters.media.reasons import STORAGE, reason
from davy.adapters.media.sound import SoundConverter, can_hold
from davy.adapters.media.timeline import Timeline
from davy.domain.errors import StorageFullError, UnreadableVideoError
from davy.domain.frame import BgrImage

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".flv", ".3gp")
READ_ONLY_SUFFIXES = (
    ".mpg", ".mpeg", ".m2v", ".vob", ".wmv", ".asf", ".ogv", ".mxf", ".dav",
    ".mjpeg", ".mjpg", ".h264", ".264", ".h265", ".265", ".hevc",
)  # fmt: skip
"""Suffixes of videos that are read, and written as MP4."""
_NOT_TAGS = {"encoder", "major_brand", "minor_version", "compatible_brands"}  # of the file, not of its content
_STREAM_TAGS = ("language", "title", "creation_time", "timecode")
_ITUNES_TAGS = {"title", "artist", "album", "comment", "date", "genre", "copyright", "description", "creation_time", "location"}
_TAG_ERRORS = "surrogateescape"  # some recorders write tags in GBK: their bytes are kept

Transform = Callable[[BgrImage], BgrImage]
"""A function that is called once per picture, in display order; it returns a picture `panes` times as wide."""


@dataclass(slots=True)
class VideoReport:
    """Result of a file. damaged counts undecodable video packets, which are skipped."""

    frames: int = 0
    damaged: int = 0
    copied: list[str] = field(default_factory=list)  # "audio aac", ...
    left_out: list[str] = field(default_factory=list)  # streams that the output format does not support
    notes: list[str] = field(default_factory=list)  # implicit changes, such as converted audio


def transcode(
    source: Path,
    target: Path,
    transform: Transform | None,
    *,
    quality: int = 90,
    panes: int = 1,
    progress: Callable[[float], None] = lambda _: None,
) -> VideoReport:
    """Transform every picture of `source` and write the result to `target`.

    Args:
        source: The video file.
        target: The output file; its suffix, one of SUFFIXES, selects the format. Use a temporary name, as it grows in place.
        transform: Function of a picture; None copies the pictures as packets if the output supports them.
        quality: 1 to 100; 90 is CRF 18, which is visually lossless.
        panes: Width of the transformed pictures over that of the source.
        progress: Receives the finished fraction, 0 to 1.

    Raises:
        UnreadableVideoError: the file is not a video, is damaged, or has streams that cannot be written.
        StorageFullError: the disk of the target is full or read-only.
    """
    try:
        with _open(source) as reader:
            properties = _read_properties(source)
            options = _mux_options(target, reader)
            with av.open(_url(target), "w", options=options, metadata_errors=_TAG_ERRORS) as writer:
                return _Transcoding(reader, writer, properties, quality, panes, copy=transform is None).run(
                    transform or _identity, progress
                )
    except av.FFmpegError as error:
        if error.errno in STORAGE:
            raise StorageFullError(str(target.parent), os.strerror(error.errno).lower()) from error
        raise UnreadableVideoError(str(source), reason(error)) from error


def _identity(image: BgrImage) -> BgrImage:
    return image


def _url(path: Path) -> str:
    """A file URL for FFmpeg, which would read "12:30.mp4" as a protocol."""
    return f"file:{path}"


def _open(path: Path) -> InputContainer:
    if not path.stat().st_size:
        raise UnreadableVideoError(str(path), "it is empty")
    return av.open(_url(path), options=dict(formats.FILE), metadata_errors=_TAG_ERRORS)


def _mux_options(target: Path, reader: InputContainer) -> dict[str, str]:
    """MP4 and MOV need an option for tags such as the camera's make."""
    others = {name.lower() for name in reader.metadata} - _NOT_TAGS - _ITUNES_TAGS
    return {"movflags": "use_metadata_tags"} if others and target.suffix.lower() in (".mp4", ".m4v", ".mov") else {}


@dataclass(frozen=True, slots=True)
class _Properties:
    """Properties of all pictures, from the first one."""

    width: int  # upright
    height: int
    orientation: int  # of EXIF
    colorspace: int
    primaries: int
    transfer: int


def _read_properties(source: Path) -> _Properties:
    with _open(source) as reader:
        stream = reader.streams.best("video")
        if stream is None:
            raise UnreadableVideoError(str(source), "it holds no video")
        for packet in reader.demux(stream):
            with contextlib.suppress(av.error.InvalidDataError):
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        kind = orientation_of(frame)
                        sides = (frame.height, frame.width) if swaps_sides(kind) else (frame.width, frame.height)
                        return _Properties(*sides, kind, frame.colorspace, frame.color_primaries, frame.color_trc)
    raise UnreadableVideoError(str(source), "no picture in it can be decoded")


class _Transcoding:
    def __init__(
        self, reader: InputContainer, writer: OutputContainer, properties: _Properties, quality: int, panes: int, *, copy: bool
    ) -> None:
        self.reader, self.writer, self.properties = reader, writer, properties
        self.report = VideoReport()
        self.source = cast(VideoStream, reader.streams.best("video"))  # checked by _read_properties
        self.source.thread_type = "AUTO"
        self.copies: dict[int, Stream] = {}
        self.sounds: dict[int, SoundConverter] = {}
        copied = copy and self._copy_video()
        self.target = None if copied else self._add_video(quality, panes)
        self._add_others()
        writer.metadata.update({name: text for name, text in reader.metadata.items() if name.lower() not in _NOT_TAGS})
        with contextlib.suppress(AttributeError, ValueError):  # PyAV before 14, or a file without chapters
            writer.set_chapters(reader.chapters())
        self.timeline, self.last_dts = Timeline(), dict[int, int]()
        self.last_pts: int | None = None
        self.pending: list[Packet[Any]] = []
        upright_size = (properties.width, properties.height)
        sides = upright_size[::-1] if swaps_sides(properties.orientation) else upright_size
        self.pixels = PixelReader(*sides)
        if self.target is not None:
            pix_fmt = str(self.target.pix_fmt)
            self.planes = PixelWriter(self.target.width, self.target.height, pix_fmt, self.target.codec_context.colorspace)

    def _copy_video(self) -> bool:
        """Copy the video stream if possible. AVI stores no presentation times, which other formats may need."""
        kind = self.writer.format.name
        if not can_hold(kind, self.source) or (kind == "avi" and self.reader.format.name != "avi"):
            return False
        self.copies[self.source.index] = self._template(self.source)
        return True

    def _template(self, stream: Stream) -> Stream:
        copy = self.writer.add_stream_from_template(stream, opaque=True)
        copy.metadata.update({k: v for k, v in stream.metadata.items() if k in _STREAM_TAGS})
        return copy

    def _add_video(self, quality: int, panes: int) -> VideoStream:
        codec, options = self._encoder(quality)
        rate = self.source.guessed_rate or self.source.average_rate or Fraction(25)
        stream = cast(VideoStream, self.writer.add_stream(codec, rate=rate, options=options))
        stream.width = panes * self.properties.width + panes * self.properties.width % 2
        stream.height = self.properties.height + self.properties.height % 2
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base(rate)
        ratio = self.source.sample_aspect_ratio
        if ratio:
            context.sample_aspect_ratio = 1 / ratio if swaps_sides(self.properties.orientation) else ratio
        hdr = self.properties.transfer in HDR_TRANSFERS
        context.colorspace = BT709 if hdr else matrix_of(self.properties.colorspace)
        context.color_primaries = BT709 if hdr else self.properties.primaries
        context.color_trc = BT709 if hdr else self.properties.transfer
        context.color_range = 2 if codec == "mjpeg" else 1  # AVCOL_RANGE_JPEG, _MPEG
        stream.metadata.update({k: v for k, v in self.source.metadata.items() if k in _STREAM_TAGS})
        return stream

    def _encoder(self, quality: int) -> tuple[str, dict[str, str]]:
        crf = round(51 - 0.37 * quality)
        match self.writer.format.name:
            case "webm":
                return "libvpx-vp9", {"crf": str(crf + 12), "b": "0", "deadline": "realtime", "cpu-used": "6", "row-mt": "1"}
            case "avi":  # it stores no presentation times: H.264 would be delayed by a picture
                scale = max(2, round(2 + 0.29 * (100 - quality)))  # 2 to 31, in units of 1/118
                codec = "mjpeg" if self.source.codec_context.name == "mjpeg" else "mpeg4"
                return codec, {"flags": "+qscale", "global_quality": str(118 * scale)}
            case _:
                return "libx264", {"crf": str(crf), "preset": "veryfast"}

    def _time_base(self, rate: Fraction) -> Fraction:
        """The time base of the source for exact time stamps; AVI only counts pictures."""
        return 1 / rate if self.writer.format.name == "avi" else cast(Fraction, self.source.time_base)

    def _add_others(self) -> None:
        for stream in self.reader.streams:
            if stream.index == self.source.index:
                continue
            if not isinstance(stream, AudioStream | SubtitleStream):
                self.report.left_out.append(stream.type)
                continue
            name = f"{stream.type} {stream.codec_context.name}"
            if can_hold(self.writer.format.name, stream):
                self.copies[stream.index] = self._template(stream)
                self.report.copied.append(name)
            elif not (isinstance(stream, AudioStream) and self._convert_sound(stream)):
                self.report.left_out.append(name)

    def _convert_sound(self, stream: AudioStream) -> bool:
        try:
            sound = SoundConverter(self.writer, stream)
        except (ValueError, av.FFmpegError):
            return False
        sound.target.metadata.update({k: v for k, v in stream.metadata.items() if k in _STREAM_TAGS})
        self.sounds[stream.index] = sound
        self.report.notes.append(f"audio {stream.codec_context.name} converted to {sound.codec}")
        return True

    def run(self, transform: Transform, progress: Callable[[float], None]) -> VideoReport:
        self.writer.start_encoding()
        done = 0.0
        streams = [self.source, *(self.reader.streams[index] for index in {*self.copies, *self.sounds} - {self.source.index})]
        for packet in self._packets(streams):
            fraction = self._fraction(packet) if packet.stream.index == self.source.index else 0.0
            self.timeline.shift(packet)
            self._process(packet, transform)
            done = max(done, fraction)  # packets are in decoding order, not in display order
            progress(done)
        self._finish(transform)
        if not self.report.frames:
            raise UnreadableVideoError(self.reader.name, "no picture in it can be decoded")
        progress(1.0)
        return self.report

    def _process(self, packet: Packet[Any], transform: Transform) -> None:
        index = packet.stream.index
        if index in self.copies:
            self._copy(packet)
        elif index in self.sounds:
            self.writer.mux(list(self.sounds[index].convert(packet)))
        else:
            self._transform_packet(packet, transform)

    def _copy(self, packet: Packet[Any]) -> None:
        """Copy a packet with a growing decoding time, as muxers require."""
        if packet.dts is not None:
            if packet.stream.index == self.source.index:
                self._mux_pending(packet.dts)
            self._mux_copy(packet)
        elif packet.size and packet.stream.index == self.source.index:  # an empty packet ends a stream
            self.pending.append(packet)

    def _mux_pending(self, before: int | None) -> None:
        """Write the first pictures of a file without decoding times (Matroska with B-frames)."""
        step = max(1, round(1 / ((self.source.guessed_rate or Fraction(25)) * cast(Fraction, self.source.time_base))))
        packets, self.pending = self.pending, []
        for number, packet in enumerate(packets):
            packet.dts = packet.pts if before is None else before - step * (len(packets) - number)
            if packet.dts is not None:
                self._mux_copy(packet)

    def _mux_copy(self, packet: Packet[Any]) -> None:
        assert packet.dts is not None
        index = packet.stream.index
        last = self.last_dts.get(index)
        min_step = max(1, ceil(cast(Fraction, self.copies[index].time_base) / packet.time_base))
        if last is not None and packet.dts < last + min_step:
            packet.dts = last + min_step
            packet.pts = max(packet.dts, packet.pts or packet.dts)
        self.last_dts[index] = packet.dts
        self.report.frames += index == self.source.index
        packet.stream = self.copies[index]
        self.writer.mux(packet)

    def _finish(self, transform: Transform) -> None:
        self._mux_pending(None)
        if self.target is not None:
            self._write(self.pixels.flush(), transform)
            self.writer.mux(self.target.encode(None))
        for sound in self.sounds.values():
            self.writer.mux(list(sound.flush()))
        for applies, note in (
            (self._is_padded(), "a row or column was repeated, as 4:2:0 needs even sides"),
            (self.timeline.jumps, f"time jumped back {self.timeline.jumps} times; the output has continuous time stamps"),
            (self.pixels.deinterlaced, "interlaced pictures were deinterlaced"),
            (self.pixels.tone_mapped, "HDR was mapped to standard range, BT.709"),
        ):
            if applies:
                self.report.notes.append(note)

    def _is_padded(self) -> bool:
        return self.target is not None and bool(self.properties.width % 2 or self.properties.height % 2)

    def _packets(self, streams: list[Any]) -> Iterator[Packet[Any]]:
        """Yield packets up to the end, or to the position where the file is truncated."""
        packets = self.reader.demux(streams)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.FFmpegError:
                self.report.damaged += 1
                return
            yield packet

    def _transform_packet(self, packet: Packet[Any], transform: Transform) -> None:
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            self.report.damaged += 1
            return
        for frame in frames:
            assert isinstance(frame, av.VideoFrame)
            self._write(self.pixels.read(frame), transform)

    def _write(self, pictures: Iterator[av.VideoFrame], transform: Transform) -> None:
        assert self.target is not None, "only for transformed pictures"
        for picture in pictures:
            frame = self.planes.convert(self._transformed(picture, transform))
            frame.pts, frame.time_base = self._pts(picture), self.target.codec_context.time_base
            self.writer.mux(self.target.encode(frame))
            self.report.frames += 1

    def _transformed(self, picture: av.VideoFrame, transform: Transform) -> BgrImage:
        assert self.target is not None
        result = transform(upright(cast(BgrImage, picture.to_ndarray()), self.properties.orientation))
        missing = (self.target.height - result.shape[0], self.target.width - result.shape[1])
        if any(missing):
            result = np.pad(result, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        return result

    def _pts(self, frame: av.VideoFrame) -> int:
        """The time stamp in units of the encoder, strictly growing."""
        assert self.target is not None
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

    def _fraction(self, packet: Packet[Any]) -> float:
        if packet.pts is None or not self.reader.duration or packet.time_base is None:
            return 0.0
        start = (self.reader.start_time or 0) / av.time_base
        return min(max((float(packet.pts * packet.time_base) - start) / (self.reader.duration / av.time_base), 0.0), 1.0)
