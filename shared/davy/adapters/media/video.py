"""Video files through PyAV: every picture is changed, everything else in the file stays.

Subtitles, chapters, tags and the time of recording are copied; sound is copied where the output can hold it, else converted.
Each picture keeps its time stamp, so a variable frame rate stays variable; recordings that were put together get one continuous
time. A display matrix in the metadata is applied to the pixels, interlaced pictures are deinterlaced, HDR becomes BT.709.
Pictures come out as 8-bit 4:2:0 H.264 (VP9 in WebM, MJPEG or MPEG-4 in AVI), with one row or column more where a side is odd,
for 4:2:0 needs even ones. Without a change, the pictures are copied as packets.
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
"""Endings of videos that are read, and written as MP4."""
_NOT_TAGS = {"encoder", "major_brand", "minor_version", "compatible_brands"}  # of the file, not of its content
_STREAM_TAGS = ("language", "title", "creation_time", "timecode")
_ITUNES_TAGS = {"title", "artist", "album", "comment", "date", "genre", "copyright", "description", "creation_time", "location"}
_TAG_ERRORS = "surrogateescape"  # recorders write tags in GBK and others: their bytes pass through as they are

Change = Callable[[BgrImage], BgrImage]
"""Called once per picture, in order of display; returns a picture `panes` times as wide."""


@dataclass(slots=True)
class VideoReport:
    """What became of a file. damaged counts packets of pictures that could not be decoded, and were left out."""

    frames: int = 0
    damaged: int = 0
    copied: list[str] = field(default_factory=list)  # "audio aac", ...
    left_out: list[str] = field(default_factory=list)  # streams that the output's kind of file cannot hold
    notes: list[str] = field(default_factory=list)  # changes that nobody asked for, such as converted sound


def transcode(
    source: Path,
    target: Path,
    change: Change | None,
    *,
    quality: int = 90,
    panes: int = 1,
    progress: Callable[[float], None] = lambda _: None,
) -> VideoReport:
    """Write `source` with every picture changed to `target`.

    Args:
        target: its suffix, one of SUFFIXES, decides the kind of file. Written directly: give a temporary name.
        change: None changes nothing: the pictures are copied as packets where the output can hold them.
        quality: 1 to 100; 90 is CRF 18, hardly told from the original.
        panes: how many times as wide as the source's pictures the changed ones are.
        progress: called with the part done, 0 to 1.

    Raises:
        UnreadableVideoError: not a video, damaged from the start, or with streams that cannot be written.
        StorageFullError: the disk of the target is full or takes no files.
    """
    try:
        with _open(source) as reader:
            first = _first_frame(source)
            options = _mux_options(target, reader)
            with av.open(_url(target), "w", options=options, metadata_errors=_TAG_ERRORS) as writer:
                return _Transcoding(reader, writer, first, quality, panes, copy=change is None).run(change or _same, progress)
    except av.FFmpegError as error:
        if error.errno in STORAGE:
            raise StorageFullError(str(target.parent), os.strerror(error.errno).lower()) from error
        raise UnreadableVideoError(str(source), reason(error)) from error


def _same(image: BgrImage) -> BgrImage:
    return image


def _url(path: Path) -> str:
    """A file for FFmpeg, whatever its name: "12:30.mp4" alone would be a protocol."""
    return f"file:{path}"


def _open(path: Path) -> InputContainer:
    if not path.stat().st_size:
        raise UnreadableVideoError(str(path), "it is empty")
    return av.open(_url(path), options=dict(formats.FILE), metadata_errors=_TAG_ERRORS)


def _mux_options(target: Path, reader: InputContainer) -> dict[str, str]:
    """MP4 and MOV hold tags such as the camera's make only in a way that must be asked for."""
    others = {name.lower() for name in reader.metadata} - _NOT_TAGS - _ITUNES_TAGS
    return {"movflags": "use_metadata_tags"} if others and target.suffix.lower() in (".mp4", ".m4v", ".mov") else {}


@dataclass(frozen=True, slots=True)
class _First:
    """What the first picture says of all."""

    width: int  # upright
    height: int
    orientation: int  # as EXIF counts
    colorspace: int
    primaries: int
    transfer: int


def _first_frame(source: Path) -> _First:
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
                        return _First(*sides, kind, frame.colorspace, frame.color_primaries, frame.color_trc)
    raise UnreadableVideoError(str(source), "no picture in it can be decoded")


class _Transcoding:
    def __init__(
        self, reader: InputContainer, writer: OutputContainer, first: _First, quality: int, panes: int, *, copy: bool
    ) -> None:
        self.reader, self.writer, self.first = reader, writer, first
        self.report = VideoReport()
        self.source = cast(VideoStream, reader.streams.best("video"))  # _first_frame has seen that there is one
        self.source.thread_type = "AUTO"
        self.copies: dict[int, Stream] = {}
        self.sounds: dict[int, SoundConverter] = {}
        copied = copy and self._copy_video()
        self.target = None if copied else self._add_video(quality, panes)
        self._add_others()
        writer.metadata.update({name: text for name, text in reader.metadata.items() if name.lower() not in _NOT_TAGS})
        with contextlib.suppress(AttributeError, ValueError):  # before PyAV 14, or a file that holds none
            writer.set_chapters(reader.chapters())
        self.timeline, self.last_dts = Timeline(), dict[int, int]()
        self.last_pts: int | None = None
        self.held: list[Packet[Any]] = []
        sides = (first.height, first.width) if swaps_sides(first.orientation) else (first.width, first.height)
        self.pixels = PixelReader(*sides)
        if self.target is not None:
            pix_fmt = str(self.target.pix_fmt)
            self.planes = PixelWriter(self.target.width, self.target.height, pix_fmt, self.target.codec_context.colorspace)

    def _copy_video(self) -> bool:
        """AVI stores no presentation times: what comes from elsewhere may need them."""
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
        stream.width = panes * self.first.width + panes * self.first.width % 2
        stream.height = self.first.height + self.first.height % 2
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        context = stream.codec_context
        context.time_base = self._time_base(rate)
        ratio = self.source.sample_aspect_ratio
        if ratio:
            context.sample_aspect_ratio = 1 / ratio if swaps_sides(self.first.orientation) else ratio
        hdr = self.first.transfer in HDR_TRANSFERS
        context.colorspace = BT709 if hdr else matrix_of(self.first.colorspace)
        context.color_primaries = BT709 if hdr else self.first.primaries
        context.color_trc = BT709 if hdr else self.first.transfer
        context.color_range = 2 if codec == "mjpeg" else 1  # AVCOL_RANGE_JPEG, _MPEG
        stream.metadata.update({k: v for k, v in self.source.metadata.items() if k in _STREAM_TAGS})
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

    def run(self, change: Change, progress: Callable[[float], None]) -> VideoReport:
        self.writer.start_encoding()
        done = 0.0
        wanted = [self.source, *(self.reader.streams[index] for index in {*self.copies, *self.sounds} - {self.source.index})]
        for packet in self._packets(wanted):
            part = self._part_done(packet) if packet.stream.index == self.source.index else 0.0
            self.timeline.place(packet)
            self._pass_on(packet, change)
            done = max(done, part)  # packets come in the order of decoding, not of display
            progress(done)
        self._finish(change)
        if not self.report.frames:
            raise UnreadableVideoError(self.reader.name, "no picture in it can be decoded")
        progress(1.0)
        return self.report

    def _pass_on(self, packet: Packet[Any], change: Change) -> None:
        index = packet.stream.index
        if index in self.copies:
            self._copy(packet)
        elif index in self.sounds:
            self.writer.mux(list(self.sounds[index].convert(packet)))
        else:
            self._change(packet, change)

    def _copy(self, packet: Packet[Any]) -> None:
        """Muxers refuse packets without decoding times, and times that do not grow."""
        if packet.dts is not None:
            if packet.stream.index == self.source.index:
                self._mux_held(packet.dts)
            self._mux_copy(packet)
        elif packet.size and packet.stream.index == self.source.index:  # else it is the end of a stream
            self.held.append(packet)

    def _mux_held(self, before: int | None) -> None:
        """Write the pictures at the start of a file that has no decoding times (Matroska with B-frames)."""
        step = max(1, round(1 / ((self.source.guessed_rate or Fraction(25)) * cast(Fraction, self.source.time_base))))
        held, self.held = self.held, []
        for number, packet in enumerate(held):
            packet.dts = packet.pts if before is None else before - step * (len(held) - number)
            if packet.dts is not None:
                self._mux_copy(packet)

    def _mux_copy(self, packet: Packet[Any]) -> None:
        assert packet.dts is not None
        index = packet.stream.index
        last = self.last_dts.get(index)
        tick = max(1, ceil(cast(Fraction, self.copies[index].time_base) / packet.time_base))
        if last is not None and packet.dts < last + tick:
            packet.dts = last + tick
            packet.pts = max(packet.dts, packet.pts or packet.dts)
        self.last_dts[index] = packet.dts
        self.report.frames += index == self.source.index
        packet.stream = self.copies[index]
        self.writer.mux(packet)

    def _finish(self, change: Change) -> None:
        self._mux_held(None)
        if self.target is not None:
            self._write(self.pixels.flush(), change)
            self.writer.mux(self.target.encode(None))
        for sound in self.sounds.values():
            self.writer.mux(list(sound.flush()))
        for happened, note in (
            (self._is_padded(), "a row or column was repeated: both sides of 4:2:0 are even"),
            (self.timeline.jumps, f"time jumped back {self.timeline.jumps} times; the output runs on"),
            (self.pixels.deinterlaced, "interlaced pictures were deinterlaced"),
            (self.pixels.tone_mapped, "HDR was mapped to standard range, BT.709"),
        ):
            if happened:
                self.report.notes.append(note)

    def _is_padded(self) -> bool:
        return self.target is not None and bool(self.first.width % 2 or self.first.height % 2)

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
            self._write(self.pixels.read(frame), change)

    def _write(self, pictures: Iterator[av.VideoFrame], change: Change) -> None:
        assert self.target is not None, "copied pictures are not written one by one"
        for picture in pictures:
            frame = self.planes.convert(self._changed(picture, change))
            frame.pts, frame.time_base = self._pts(picture), self.target.codec_context.time_base
            self.writer.mux(self.target.encode(frame))
            self.report.frames += 1

    def _changed(self, picture: av.VideoFrame, change: Change) -> BgrImage:
        assert self.target is not None
        changed = change(upright(cast(BgrImage, picture.to_ndarray()), self.first.orientation))
        missing = (self.target.height - changed.shape[0], self.target.width - changed.shape[1])
        if any(missing):
            changed = np.pad(changed, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        return changed

    def _pts(self, frame: av.VideoFrame) -> int:
        """The time stamp in units of the encoder, growing with each picture, whatever the source says."""
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

    def _part_done(self, packet: Packet[Any]) -> float:
        if packet.pts is None or not self.reader.duration or packet.time_base is None:
            return 0.0
        start = (self.reader.start_time or 0) / av.time_base
        return min(max((float(packet.pts * packet.time_base) - start) / (self.reader.duration / av.time_base), 0.0), 1.0)
