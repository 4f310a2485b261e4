"""Live HLS (RFC 8216) of a camera, made while somebody asks for it."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

import av

from davy.domain.camera import CameraAddress
from davy.domain.video import Feed, Variant, VideoPacket
from davy.streams.tasks import end
from davy.telemetry import get_logger
from davy_aggregator.outputs.errors import NoVideoError, UnknownSegmentError
from davy_aggregator.outputs.fmp4 import Fragmenter, Segment
from davy_aggregator.video import LiveVideo

IDLE_S = 15.0  # a stream ends this long after the last request
FIRST_SEGMENT_S = 12.0  # two groups of pictures of the longest usual length
KEPT = 8  # segments: a player reads three behind the newest
LISTED = 6
MAX_BYTES = 64_000_000  # of the kept segments of one stream

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Part:
    """A segment, and the initialisation that it needs."""

    epoch: int
    segment: Segment
    name: str


@dataclass(slots=True)
class _Stream:
    run: str = field(default_factory=lambda: secrets.token_hex(4))  # names of another run are in no player's memory
    asked_s: float = field(default_factory=time.monotonic)
    inits: dict[int, bytes] = field(default_factory=dict)
    parts: deque[_Part] = field(default_factory=deque)
    removed: int = 0
    removed_changes: int = 0  # of the initialisation, between removed segments
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def add(self, epoch: int, segment: Segment) -> None:
        name = f"{self.run}-{self.removed + len(self.parts)}.m4s"
        self.parts.append(_Part(epoch, segment, name))
        while len(self.parts) > KEPT or (
            len(self.parts) > 1 and sum(len(part.segment.data) for part in self.parts) > MAX_BYTES
        ):
            gone = self.parts.popleft()
            self.removed += 1
            self.removed_changes += gone.epoch != self.parts[0].epoch
        for unused in self.inits.keys() - {part.epoch for part in self.parts} - {max(self.inits)}:
            del self.inits[unused]
        self.ready.set()


class HlsStreams:
    """The streams that are asked for at present. Use it on the event loop."""

    def __init__(self, video: LiveVideo) -> None:
        self._video = video
        self._streams: dict[Feed, _Stream] = {}

    @classmethod
    @asynccontextmanager
    async def opened(cls, video: LiveVideo) -> AsyncIterator["HlsStreams"]:
        """Serve streams for the duration of the block."""
        streams = cls(video)
        try:
            yield streams
        finally:
            await end(*(stream.task for stream in streams._streams.values() if stream.task is not None))

    async def playlist(self, camera: CameraAddress, variant: Variant, query: str = "") -> str:
        """Return the playlist; begin the stream if nobody has asked for it. Waits for the first segment.

        Args:
            query: Put behind the names of segments.

        Raises:
            NoVideoError: no packet came in time.
        """
        feed = (camera, variant)
        stream = self._streams.get(feed)
        if stream is None or stream.task is None or stream.task.done():
            stream = self._streams[feed] = _Stream()
            stream.task = asyncio.create_task(self._run(feed, stream), name="hls.run")
        stream.asked_s = time.monotonic()
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_SEGMENT_S):
                await stream.ready.wait()
        if not stream.parts:
            raise NoVideoError(camera.key, variant)
        return _playlist(stream, query)

    def part(self, camera: CameraAddress, variant: Variant, name: str) -> bytes:
        """Return a segment, or an initialisation.

        Raises:
            UnknownSegmentError: it is too old, or never was.
        """
        if stream := self._streams.get((camera, variant)):
            stream.asked_s = time.monotonic()
            for part in stream.parts:
                if part.name == name:
                    return part.segment.data
            for epoch, data in stream.inits.items():
                if _init_name(stream, epoch) == name:
                    return data
        raise UnknownSegmentError(name)

    def __len__(self) -> int:
        return len(self._streams)

    async def _run(self, feed: Feed, stream: _Stream) -> None:
        watching = asyncio.create_task(self._fill(feed, stream), name="hls.fill")
        try:
            while (left_s := stream.asked_s + IDLE_S - time.monotonic()) > 0:
                done, _ = await asyncio.wait({watching}, timeout=left_s)
                for failed in done:
                    failed.result()
        except av.FFmpegError as error:
            log.warning("hls.failed", camera=str(feed[0]), error=str(error))
        finally:
            await end(watching)
            if self._streams.get(feed) is stream:
                del self._streams[feed]

    async def _fill(self, feed: Feed, stream: _Stream) -> None:
        epoch, fragmenter, before = 0, None, None
        with self._video.watch(*feed) as queue:
            while True:
                packet = await queue.take()
                if fragmenter is None or (packet.key and _is_other(packet, before)):
                    epoch += 1
                    fragmenter = Fragmenter(packet)
                    stream.inits[epoch] = fragmenter.init
                if segment := fragmenter.put(packet):
                    stream.add(epoch, segment)
                before = packet


def _is_other(packet: VideoPacket, before: VideoPacket | None) -> bool:
    """Return whether a key frame begins another stream: a player is told so."""
    if before is None:
        return False
    size, other = (packet.width, packet.height), (before.width, before.height)
    return size != other or packet.boot_id != before.boot_id or packet.captured_ns <= before.captured_ns


def _init_name(stream: _Stream, epoch: int) -> str:
    return f"{stream.run}-init-{epoch}.mp4"


def _playlist(stream: _Stream, query: str) -> str:
    listed = list(stream.parts)[-LISTED:]
    skipped = list(stream.parts)[: -len(listed)]
    changes = stream.removed_changes + sum(one.epoch != next_.epoch for one, next_ in pairwise([*skipped, listed[0]]))
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{max(1, round(max(part.segment.duration_s for part in listed)))}",
        f"#EXT-X-MEDIA-SEQUENCE:{stream.removed + len(skipped)}",
        f"#EXT-X-DISCONTINUITY-SEQUENCE:{changes}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
    ]
    epoch = None
    for part in listed:
        if part.epoch != epoch:
            lines += ["#EXT-X-DISCONTINUITY"] if epoch is not None else []
            lines.append(f'#EXT-X-MAP:URI="hls/{_init_name(stream, part.epoch)}{query}"')
            epoch = part.epoch
        captured = datetime.fromtimestamp(part.segment.captured_ns / 1e9, UTC).isoformat(timespec="milliseconds")
        lines += [f"#EXT-X-PROGRAM-DATE-TIME:{captured}", f"#EXTINF:{part.segment.duration_s:.3f},", f"hls/{part.name}{query}"]
    return "\n".join(lines) + "\n"
