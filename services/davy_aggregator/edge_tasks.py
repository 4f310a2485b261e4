"""Tasks for edges: who is attached, and which questions wait for their answer. See davy/v1/edge.proto."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from davy.domain.errors import DeadlineExceededError, EdgeUnavailableError, OverloadedError
from davy.domain.urls import redact_text
from davy.v1 import edge_pb2

MAX_WAITING = 4  # tasks of one edge
MAX_TEXT = 500  # characters of an edge's reason
GRACE_S = 2.0  # an edge that gives up says so itself


@dataclass(slots=True)
class Attachment:
    """The open stream of one edge."""

    tasks: asyncio.Queue[edge_pb2.EdgeTask] = field(default_factory=asyncio.Queue)
    answers: dict[int, asyncio.Future[edge_pb2.EdgeResult]] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def resolve(self, result: edge_pb2.EdgeResult) -> None:
        """Hand a result to who waits for it; nobody may wait any longer."""
        answer = self.answers.get(result.id)
        if answer is not None and not answer.done():
            answer.set_result(result)


Relay = Callable[[str, edge_pb2.EdgeTask, float], Awaitable[edge_pb2.EdgeResult]]
"""Gives an edge that is connected elsewhere a task; see `EdgeTasks.ask`."""


class EdgeTasks:
    """Asks edges. Everything runs in one event loop."""

    def __init__(self) -> None:
        self._attached: dict[str, Attachment] = {}
        self.relay: Relay | None = None  # to another replica

    def is_attached(self, edge: str) -> bool:
        """Whether this edge takes tasks from this aggregator."""
        return edge in self._attached

    @contextmanager
    def attach(self, edge: str) -> Iterator[Attachment]:
        """Make a stream the one of its edge, for the block. Tasks of the previous one fail."""
        self._fail(edge)
        own = self._attached[edge] = Attachment()
        try:
            yield own
        finally:
            if self._attached.get(edge) is own:
                self._fail(edge)

    async def ask(self, edge: str, task: edge_pb2.EdgeTask, timeout_s: float) -> edge_pb2.EdgeResult:
        """Give an edge a task and wait for its result.

        Args:
            task: Its id and timeout are set here.

        Raises:
            EdgeUnavailableError: the edge is not attached, went away, or could not do it; the text says why.
            DeadlineExceededError: no result came in time.
            OverloadedError: four tasks of this edge wait.
        """
        attachment = self._attached.get(edge)
        if attachment is None and self.relay is not None:
            return await self.relay(edge, task, timeout_s)
        if attachment is None:
            raise EdgeUnavailableError(edge, "it is not connected to this aggregator, or is older than it")
        if len(attachment.answers) >= MAX_WAITING:
            raise OverloadedError(f"the tasks of edge {edge}", MAX_WAITING)
        task.id, task.timeout_ms = next(attachment.ids), int(timeout_s * 1000)
        answer = attachment.answers[task.id] = asyncio.get_running_loop().create_future()
        try:
            attachment.tasks.put_nowait(task)
            async with asyncio.timeout(timeout_s + GRACE_S):
                result: edge_pb2.EdgeResult = await answer
        except TimeoutError as error:
            raise DeadlineExceededError(f"edge {edge}", timeout_s) from error
        finally:
            del attachment.answers[task.id]
        if result.error:
            raise EdgeUnavailableError(edge, redact_text(result.error[:MAX_TEXT]))
        return result

    def _fail(self, edge: str) -> None:
        gone = self._attached.pop(edge, None)
        for answer in gone.answers.values() if gone is not None else ():
            if not answer.done():
                answer.set_exception(EdgeUnavailableError(edge, "it went away"))
