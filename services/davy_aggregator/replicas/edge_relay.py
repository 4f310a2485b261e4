"""Tasks for an edge that is connected to another replica."""

import asyncio

from pydantic import Base64Bytes, BaseModel

from davy.adapters.storage.replica_requests import ReplicaRequests, Request
from davy.domain.errors import ArchiveUnavailableError, DavyError, EdgeUnavailableError
from davy.telemetry import get_logger
from davy.v1 import edge_pb2
from davy_aggregator.edge_tasks import GRACE_S, EdgeTasks
from davy_aggregator.replicas.operations import RemoteError
from davy_aggregator.replicas.waiting import answer_of

log = get_logger(__name__)

EDGE = "edge "  # begins the recipient of a task
LOOK_EVERY_S = 0.2
BEGIN_S = 2.0


class _Task(BaseModel):
    task: Base64Bytes
    timeout_s: float


class _Result(BaseModel):
    result: Base64Bytes = b""
    error: RemoteError | None = None


class EdgeRelay:
    """Passes tasks on to the replica that an edge is connected to, and carries out those of others.

    Args:
        requests: Of the database that the replicas share.
        tasks: The edges that are connected here.
    """

    def __init__(self, requests: ReplicaRequests, tasks: EdgeTasks) -> None:
        self._requests, self._tasks = requests, tasks
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, edge: str, task: edge_pb2.EdgeTask, timeout_s: float) -> edge_pb2.EdgeResult:
        """Give an edge of another replica a task; raises as `EdgeTasks.ask`."""
        body = _Task.model_construct(task=task.SerializeToString(), timeout_s=timeout_s).model_dump_json()
        request = await asyncio.to_thread(self._requests.ask, EDGE + edge, body)
        answer = await answer_of(self._requests, request, BEGIN_S, timeout_s + 2 * GRACE_S)
        if answer is None:
            raise EdgeUnavailableError(edge, "it is connected to no aggregator, or is older than it")
        found = _Result.model_validate_json(answer)
        if found.error is not None:
            raise found.error.to_error()
        return edge_pb2.EdgeResult.FromString(found.result)

    async def run(self) -> None:
        """Carry out tasks of other replicas until cancelled."""
        while True:
            try:
                for request in await asyncio.to_thread(self._requests.waiting):
                    await self._begin(request)
            except ArchiveUnavailableError as error:
                log.warning("edge_relay.unread", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _begin(self, request: Request) -> None:
        edge = request.recipient.removeprefix(EDGE)
        if edge == request.recipient or not self._tasks.is_attached(edge):
            return
        if await asyncio.to_thread(self._requests.begin, request.id):
            task = asyncio.create_task(self._finish(edge, request), name=f"edge_relay.{edge}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _finish(self, edge: str, request: Request) -> None:
        try:
            question = _Task.model_validate_json(request.body)
            result = await self._tasks.ask(edge, edge_pb2.EdgeTask.FromString(question.task), question.timeout_s)
            answer = _Result.model_construct(result=result.SerializeToString(), error=None)
        except DavyError as error:
            answer = _Result(error=RemoteError.of(error))
        try:
            await asyncio.to_thread(self._requests.finish, request.id, answer.model_dump_json())
        except ArchiveUnavailableError as error:
            log.error("edge_relay.unanswered", edge=edge, error=str(error))
