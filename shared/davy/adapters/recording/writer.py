"""One file of recorded video while it is written, and what a killed process left of it.

Packets go into a fragmented MP4 as they are. Each group of pictures is one fragment, flushed when the next one begins: a
process that is killed loses at most the group that it was writing.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.error import FFmpegError
from av.video.stream import VideoStream

from davy.adapters.media.muxing import add_stream
from davy.atomic import sync_folder
from davy.domain.camera import CameraAddress
from davy.domain.errors import DavyError, UnreadableVideoError
from davy.domain.recording import Segment
from davy.domain.video import Variant, VideoPacket

PART = ".part"
HZ = 90_000  # ticks per second of every recorded file
TICK = Fraction(1, HZ)
OPTIONS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1", "video_track_timescale": str(HZ)}


def ticks(ns: int) -> int:
    """Return ns in ticks of a recorded file."""
    return ns * HZ // 1_000_000_000


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class SegmentWriter:
    """Writes one segment below a folder. Use it on one thread; every method may wait for the disk.

    Args:
        root: The folder of all recordings.
        first: A key frame; it is written.

    Raises:
        OSError: the disk is full or fails.
        UnreadableVideoError: the packet is no key frame that begins with its parameter sets.
    """

    def __init__(self, root: Path, first: VideoPacket) -> None:
        self.first, self._last, self._step_ns = first, first, 100_000_000
        self._root = root
        folder = root / str(first.camera) / first.variant
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{first.captured_ns}_{first.boot_id}_{first.seq}{PART}"
        self.bytes = 0
        self._file: BinaryIO = self.path.open("wb", buffering=0)  # a fragment is with the system once it is written
        try:
            self._container = av.open(self._file, "w", format="mp4", options=OPTIONS)
            self._container.metadata["comment"] = _description(first)
            self._stream = self._add_stream(first)
            self.write(first)
        except BaseException:
            self.abandon()
            raise

    def _add_stream(self, first: VideoPacket) -> VideoStream:
        try:
            stream = add_stream(self._container, first)
        except (FFmpegError, IndexError) as error:
            raise UnreadableVideoError(str(self.path), f"no H.264: {error}") from error
        if not stream.codec_context.extradata:
            raise UnreadableVideoError(str(self.path), "the key frame has no parameter sets")
        stream.time_base = TICK
        return stream

    def follows(self, packet: VideoPacket) -> bool:
        """Return whether a packet comes next in this segment: nothing is missing, and time goes on."""
        return packet.follows(self._last) and packet.captured_ns > self._last.captured_ns

    def write(self, packet: VideoPacket) -> None:
        """Append a packet.

        Raises:
            OSError: the disk is full or fails; the segment is over, `abandon` it.
        """
        if packet is not self.first:
            self._step_ns = packet.captured_ns - self._last.captured_ns
        made = av.Packet(packet.data)
        made.stream, made.time_base, made.is_keyframe = self._stream, TICK, packet.key
        made.pts = made.dts = ticks(packet.captured_ns - self.first.captured_ns)
        made.duration = max(1, ticks(self._step_ns))
        self._container.mux_one(made)
        self._last = packet
        self.bytes += len(packet.data)

    def close(self) -> Segment:
        """Finish the file and give it its name.

        Raises:
            OSError: the disk is full or fails.
        """
        self._container.close()
        os.fsync(self._file.fileno())
        self._file.close()
        return _finished(self._root, self.path, self.first, self._last.seq, self._last.captured_ns + self._step_ns)

    def abandon(self) -> None:
        """Close without an end; `recover` reads what is there."""
        for close in (getattr(self, "_container", self._file).close, self._file.close):
            with contextlib.suppress(OSError, FFmpegError, ValueError):
                close()


def _description(first: VideoPacket) -> str:
    return json.dumps(
        {
            "camera": str(first.camera),
            "variant": first.variant,
            "boot": first.boot_id,
            "seq": first.seq,
            "start_ns": first.captured_ns,
            "model": first.model,
            "strength": round(first.strength, 6),
        }
    )


def _finished(root: Path, part: Path, first: VideoPacket, last_seq: int, end_ns: int) -> Segment:
    segment = Segment(
        first.camera,
        first.variant,
        first.boot_id,
        first.seq,
        last_seq,
        first.captured_ns,
        end_ns,
        sha256_of(part),
        part.stat().st_size,
        first.model,
        first.strength,
    )
    final = root / segment.path
    final.parent.mkdir(parents=True, exist_ok=True)
    part.replace(final)
    sync_folder(final.parent)
    return segment


def recover(root: Path, part: Path) -> Segment | None:
    """Finish a file that a killed process left: keep its whole fragments.

    Returns:
        The segment; None if no fragment is whole, and the file is deleted.

    Raises:
        UnreadableVideoError: the file is damaged otherwise.
        OSError: the disk fails.
    """
    with part.open("r+b") as file:
        whole, fragments = _whole_fragments(file)
        if fragments:
            file.truncate(whole)
            os.fsync(file.fileno())
    if not fragments:
        part.unlink()
        return None
    first = first_packet(part)
    count, end = 0, 0
    try:
        with av.open(part) as container:
            for packet in container.demux(video=0):
                if packet.size and packet.pts is not None:
                    count, end = count + 1, packet.pts + (packet.duration or 1)
    except FFmpegError as error:
        raise UnreadableVideoError(str(part), str(error)) from error
    if not count:
        raise UnreadableVideoError(str(part), "no picture")
    return _finished(root, part, first, first.seq + count - 1, first.captured_ns + end * 1_000_000_000 // HZ)


def first_packet(path: Path | BinaryIO) -> VideoPacket:
    """Read what a recorded file says of itself: its first packet, without the picture.

    Raises:
        UnreadableVideoError: it is no file that SegmentWriter wrote.
    """
    name = str(path) if isinstance(path, Path) else "the segment"
    try:
        with av.open(path) as container:
            told = json.loads(container.metadata["comment"])
            stream = container.streams.video[0]
            width, height = stream.width, stream.height
        variant: Variant = "raw" if told["variant"] == "raw" else "enhanced"
        return VideoPacket(
            camera=CameraAddress.parse(told["camera"]),
            variant=variant,
            boot_id=str(told["boot"]),
            seq=int(told["seq"]),
            captured_ns=int(told["start_ns"]),
            key=True,
            width=width,
            height=height,
            data=b"",
            model=str(told["model"]),
            strength=float(told["strength"]),
        )
    except (FFmpegError, LookupError, ValueError, TypeError, DavyError) as error:
        raise UnreadableVideoError(name, str(error)) from error


def _whole_fragments(file: BinaryIO) -> tuple[int, int]:
    """Return the bytes of the whole boxes up to the last media data, and the number of fragments in them."""
    end = fragments = 0
    for kind, until in _boxes(file):
        if kind == b"mdat":
            end, fragments = until, fragments + 1
    return end, fragments


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """Yield kind and end of each whole top-level box (ISO/IEC 14496-12, 4.2)."""
    size, at = os.fstat(file.fileno()).st_size, 0
    while at + 8 <= size:
        file.seek(at)
        header = file.read(8)
        length = int.from_bytes(header[:4])
        if length == 1:
            length = int.from_bytes(file.read(8))
        if length < 8 or at + length > size:
            return
        at += length
        yield header[4:], at
