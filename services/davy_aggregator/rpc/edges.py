"""davy.v1.EdgeService: gives edges their tasks and takes the results."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from davy.adapters.grpc.tls import Context, peer
from davy.domain.errors import InvalidInputError
from davy.identity import check_speaks_for
from davy.v1 import edge_pb2, edge_pb2_grpc
from davy_aggregator.edge_tasks import Attachment, EdgeTasks
from davy_aggregator.senders import CheckSender


class EdgesServicer(edge_pb2_grpc.EdgeServiceServicer):
    """Attaches edges.

    Args:
        check_sender: Raises for an edge that this site does not have.
    """

    def __init__(self, tasks: EdgeTasks, check_sender: CheckSender) -> None:
        self._tasks, self._check_sender = tasks, check_sender

    async def AttachEdge(  # noqa: N802  # gRPC names methods so
        self,
        request_iterator: AsyncIterator[edge_pb2.AttachEdgeRequest],
        context: Context,
    ) -> AsyncGenerator[edge_pb2.AttachEdgeResponse, None]:
        first = await anext(aiter(request_iterator), None)
        if first is None or first.WhichOneof("content") != "hello":
            raise InvalidInputError("the first message of a stream is hello")
        check_speaks_for(peer(context), first.hello.edge, first.hello.site, "results")
        self._check_sender(first.hello.site, first.hello.edge, "results")
        with self._tasks.attach(first.hello.edge) as attachment:
            reader = asyncio.create_task(_read(request_iterator, attachment), name="attach.read")
            try:
                yield edge_pb2.AttachEdgeResponse()
                while (task := await _next(attachment, reader)) is not None:
                    yield edge_pb2.AttachEdgeResponse(task=task)
                await reader  # raises its error, if any
            finally:
                reader.cancel()


async def _read(request_iterator: AsyncIterator[edge_pb2.AttachEdgeRequest], attachment: Attachment) -> None:
    async for request in request_iterator:
        attachment.resolve(request.result)


async def _next(attachment: Attachment, reader: asyncio.Task[None]) -> edge_pb2.EdgeTask | None:
    """The next task; None once the edge has ended the stream."""
    following = asyncio.ensure_future(attachment.tasks.get())
    try:
        await asyncio.wait({following, reader}, return_when=asyncio.FIRST_COMPLETED)
        return following.result() if following.done() else None
    finally:
        following.cancel()
