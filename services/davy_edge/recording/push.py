"""Sends recorded segments to an aggregator that lacks them, with low priority."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from davy.adapters.grpc.ingest_client import IngestClient, Stream
from davy.adapters.grpc.recording import LIST_SEGMENTS, PIECE_BYTES, to_segment
from davy.domain.errors import AggregatorUnavailableError
from davy.domain.recording import Segment
from davy.streams.reconnect import Backoff, keep_connected
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.v1 import recording_pb2
from davy_edge.recording.ring import Ring

log = get_logger(__name__)

BACKOFF = Backoff(shortest_s=1.0, longest_s=15.0)
GIVE_WAY_S = 1.0  # between two looks at a link that live frames fill

_Stream = Stream[recording_pb2.PushSegmentsRequest, recording_pb2.PushSegmentsResponse]


class RingPush:
    """Lists the ring's segments, and sends those that the aggregator asks for.

    Args:
        ring: The ring.
        bytes_per_s: Maximum rate.
        gives_way: Returns whether live frames need the link now.
    """

    def __init__(self, ring: Ring, bytes_per_s: int, gives_way: Callable[[], bool] = lambda: False) -> None:
        self._ring, self._bytes_per_s, self._gives_way = ring, bytes_per_s, gives_way
        self._listed: dict[str, Segment] = {}
        self.error = ""
        self.sent = 0

    async def run(self, client: IngestClient) -> None:
        """List and send until cancelled; it reconnects. No stream is opened before the ring is in use."""
        await self._ring.loaded.wait()
        await keep_connected(lambda: self._session(client), AggregatorUnavailableError, BACKOFF, self._on_lost, pause_s=1.0)

    def _on_lost(self, error: Exception, wait_s: float, failures: int) -> None:
        self.error = str(error)
        log.warning("ingest.unavailable", plane="recording", error=self.error, again_in_s=round(wait_s, 1), attempt=failures)

    async def _session(self, client: IngestClient) -> None:
        self._listed.clear()
        async with client.segments() as stream:
            await until_first_ends("edge.segments", list=self._list(stream), send=self._send(stream))

    async def _list(self, stream: _Stream) -> None:
        with self._ring.follow() as finished:
            batch = self._ring.folder.segments()
            while True:
                for at in range(0, len(batch), LIST_SEGMENTS):
                    some = batch[at : at + LIST_SEGMENTS]
                    self._listed |= {segment.sha256: segment for segment in some}
                    await stream.send(recording_pb2.PushSegmentsRequest(segments=map(to_segment, some)))
                self.error = ""
                batch = [await finished.get()]

    async def _send(self, stream: _Stream) -> None:
        while True:
            request = await stream.answer()
            segment = self._listed.get(request.sha256)
            path = self._ring.folder.root / segment.path if segment else None
            if path is None or not await self._send_file(stream, path, request):
                self._listed.pop(request.sha256, None)
                piece = recording_pb2.SegmentPiece(sha256=request.sha256, gone=True)
                await stream.send(recording_pb2.PushSegmentsRequest(piece=piece))

    async def _send_file(self, stream: _Stream, path: Path, request: recording_pb2.PushSegmentsResponse) -> bool:
        """Send a file from an offset. Return False if it is gone."""
        offset = request.offset
        while True:
            if self._gives_way():
                await asyncio.sleep(GIVE_WAY_S)
                continue
            data = await asyncio.to_thread(_read, path, offset)
            if data is None:
                return False
            if not data:
                return True
            piece = recording_pb2.SegmentPiece(sha256=request.sha256, offset=offset, data=data)
            await stream.send(recording_pb2.PushSegmentsRequest(piece=piece))
            offset += len(data)
            self.sent += len(data)
            await asyncio.sleep(len(data) / self._bytes_per_s)


def _read(path: Path, offset: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PIECE_BYTES)
    except OSError:
        return None
