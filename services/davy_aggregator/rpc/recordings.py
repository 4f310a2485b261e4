"""davy.v1.RecordingService: asks edges for recorded video that is lacking."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from functools import partial

from davy.access.principal import acting
from davy.adapters.grpc.recording import LIST_SEGMENTS, PIECE_BYTES, from_segment
from davy.adapters.grpc.tls import Context, peer
from davy.domain.camera import CameraAddress
from davy.domain.errors import DavyError, InvalidInputError
from davy.domain.recording import Segment
from davy.identity import Identity, check_speaks_for
from davy.v1 import recording_pb2, recording_pb2_grpc
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.recording.fill import SegmentFill
from davy_aggregator.recording.service import Recordings
from davy_aggregator.rpc.answers import Put, answering


class RecordingsServicer(recording_pb2_grpc.RecordingServiceServicer):
    """Receives segments.

    Args:
        check_camera: Raises for a camera that the site does not have.
    """

    def __init__(
        self, recordings: Recordings, metrics: AggregatorMetrics, check_camera: Callable[[CameraAddress], None]
    ) -> None:
        self._recordings, self._metrics, self._check_camera = recordings, metrics, check_camera

    async def PushSegments(  # noqa: N802  # gRPC names methods so
        self,
        request_iterator: AsyncIterator[recording_pb2.PushSegmentsRequest],
        context: Context,
    ) -> AsyncGenerator[recording_pb2.PushSegmentsResponse, None]:
        fill = SegmentFill(self._recordings)
        read = partial(self._read, request_iterator, peer(context), fill)
        async with aclosing(answering("segments", read, partial(_ask, fill))) as answers:
            async for answer in answers:
                yield answer

    async def _read(
        self,
        request_iterator: AsyncIterator[recording_pb2.PushSegmentsRequest],
        sender: Identity | None,
        fill: SegmentFill,
        put: Put[recording_pb2.PushSegmentsResponse],  # noqa: ARG002  # a segment that is taken needs no answer
    ) -> None:
        try:
            async for request in request_iterator:
                if len(request.segments) > LIST_SEGMENTS or len(request.piece.data) > PIECE_BYTES:
                    raise InvalidInputError(f"over {LIST_SEGMENTS} segments or {PIECE_BYTES} bytes in one message")
                fill.offer([self._checked(segment, sender) for segment in request.segments])
                if request.HasField("piece"):
                    piece = request.piece
                    await fill.take(piece.sha256, piece.offset, piece.data, piece.gone)
        except DavyError as error:
            self._metrics.refused.labels("segments", type(error).__name__).inc()
            raise

    def _checked(self, message: recording_pb2.RecordedSegment, sender: Identity | None) -> Segment:
        segment = from_segment(message)
        check_speaks_for(sender, segment.camera.edge, segment.camera.site, "recordings")
        acting().require_edge(segment.camera.edge)
        self._check_camera(segment.camera)
        return segment


async def _ask(fill: SegmentFill, put: Put[recording_pb2.PushSegmentsResponse]) -> None:
    async with aclosing(fill.requests()) as requests:
        async for segment, offset in requests:
            put(recording_pb2.PushSegmentsResponse(sha256=segment.sha256, offset=offset))
