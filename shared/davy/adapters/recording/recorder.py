"""Cuts the packets of cameras into segments."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from av.error import FFmpegError

from davy.adapters.recording.writer import SegmentWriter, recover
from davy.domain.errors import StorageFullError, UnreadableVideoError
from davy.domain.recording import Segment, starts_segment
from davy.domain.video import Feed, VideoPacket

IDLE_S = 15.0  # without a packet a segment is over; the slowest camera may send one in 10 s
MAX_SEGMENT_BYTES = 128_000_000  # a camera without key frames


class Recorder:
    """Writes the segments of any number of cameras. Use it on one thread; every method may wait for the disk.

    Args:
        root: The folder of all recordings.
        finished: Called with each segment.
    """

    def __init__(self, root: Path, finished: Callable[[Segment], None]) -> None:
        self._root, self._finished = root, finished
        self._writers: dict[Feed, tuple[SegmentWriter, float]] = {}

    def write(self, packet: VideoPacket) -> bool:
        """Record a packet. Return False if it was left out: its segment lacks a packet before it, or its key frame.

        Raises:
            StorageFullError: the disk is full or fails. The segment ends; the next key frame begins another one.
        """
        feed = (packet.camera, packet.variant)
        writer = self._writers[feed][0] if feed in self._writers else None
        if writer is not None and _is_over(writer, packet):
            self._close(feed)
            writer = None
        if writer is None and not packet.key:
            return False
        with self._translated(feed):
            if writer is None:
                writer = SegmentWriter(self._root, packet)
            else:
                writer.write(packet)
        self._writers[feed] = (writer, time.monotonic())
        return True

    @property
    def open_parts(self) -> set[Path]:
        """The files that are being written."""
        return {writer.path for writer, _ in self._writers.values()}

    def close_idle(self, idle_s: float = IDLE_S) -> None:
        """End the segments of cameras that sent nothing for idle_s.

        Raises:
            StorageFullError: as `write`.
        """
        now_s = time.monotonic()
        for feed in [feed for feed, (_, written_s) in self._writers.items() if now_s - written_s >= idle_s]:
            self._close(feed)

    def close(self) -> None:
        """End every segment; what the disk does not take is recovered later."""
        for feed in list(self._writers):
            with suppress(StorageFullError):
                self._close(feed)

    def _close(self, feed: Feed) -> None:
        with self._translated(feed):
            segment = self._writers[feed][0].close()
        del self._writers[feed]
        self._finished(segment)

    @contextmanager
    def _translated(self, feed: Feed) -> Iterator[None]:
        """End the segment of a feed that cannot be written; keep what is whole."""
        try:
            yield
        except (OSError, FFmpegError, UnreadableVideoError) as error:
            if feed in self._writers:
                writer = self._writers.pop(feed)[0]
                writer.abandon()
                with suppress(OSError, UnreadableVideoError):
                    if segment := recover(self._root, writer.path):
                        self._finished(segment)
            raise StorageFullError(str(self._root), str(error)) from error


def _is_over(writer: SegmentWriter, packet: VideoPacket) -> bool:
    if not writer.follows(packet) or writer.bytes > MAX_SEGMENT_BYTES:
        return True
    first = writer.first
    same = (packet.width, packet.height, packet.model, packet.strength) == (
        first.width,
        first.height,
        first.model,
        first.strength,
    )
    return packet.key and (starts_segment(packet, first.captured_ns) or not same)
