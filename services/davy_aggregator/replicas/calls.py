"""Decisions asked of the leader through the database, which may be the only thing that the replicas share."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel, ValidationError

from davy.access.journal import note_texts, taking_notes
from davy.access.principal import Principal, act_as, acting
from davy.adapters.storage.replica_requests import LEADER, ReplicaRequests, Request
from davy.domain.errors import ArchiveUnavailableError, DavyError, StandbyError, UnavailableError
from davy.telemetry import get_logger
from davy_aggregator.replicas.operations import Operation, RemoteError, operations_of
from davy_aggregator.replicas.waiting import answer_of

log = get_logger(__name__)

LOOK_EVERY_S = 0.2  # for requests
BEGIN_S = 5.0  # a leader begins a request within this time, or it is taken back
END_S = 60.0
PRUNE_EVERY_S = 60.0
INTERRUPTED = RemoteError(
    kind=UnavailableError.__name__,
    message="the leader ended while it decided: look whether the change was made, then try again",
)


class _Question(BaseModel):
    operation: str
    arguments: str
    caller: Principal


class _Answer(BaseModel):
    result: str = ""
    error: RemoteError | None = None
    before: str = ""
    after: str = ""


class LeaderCalls:
    """Asks the leader, and answers as the leader.

    Args:
        requests: Of the database; its `begin` checks that this process leads.
        site: Id of the site.
        services: Their operations are carried out here.
        refresh: Reads what the leader decided.
    """

    def __init__(
        self, requests: ReplicaRequests, site: str, services: Sequence[object], refresh: Callable[[], Awaitable[None]]
    ) -> None:
        self._requests, self._site, self._refresh = requests, site, refresh
        self._operations: dict[str, tuple[Operation, object]] = {
            operation.name: (operation, service) for service in services for operation in operations_of(service)
        }
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, operation: str, arguments: str) -> str:
        """Have the leader carry out an operation; see `Lead.ask`."""
        question = _Question(operation=operation, arguments=arguments, caller=acting())
        request = await asyncio.to_thread(self._requests.ask, LEADER, question.model_dump_json())
        found = await answer_of(self._requests, request, BEGIN_S, END_S)
        if found is None:
            raise StandbyError("no aggregator at the moment", self._site)
        answer = _Answer.model_validate_json(found)
        note_texts(answer.before, answer.after)
        if answer.error is not None:
            raise answer.error.to_error()
        await self._refresh()
        return answer.result

    async def answer(self, term: Callable[[], int]) -> None:
        """Carry out what is asked of the leader, until cancelled.

        Args:
            term: Returns the term of this process's lease; 0 while another one leads.
        """
        settled, pruned_s = 0, 0.0
        while True:
            now = term()
            try:
                if now and now != settled:
                    await asyncio.to_thread(self._requests.abandon, now, _Answer(error=INTERRUPTED).model_dump_json())
                    settled = now
                if now:
                    await self._begin_all(now)
                if now and time.monotonic() - pruned_s > PRUNE_EVERY_S:
                    pruned_s = time.monotonic()
                    await asyncio.to_thread(self._requests.prune)
            except (ArchiveUnavailableError, StandbyError) as error:
                log.warning("leader.requests_unread", error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _begin_all(self, term: int) -> None:
        for request in await asyncio.to_thread(self._requests.waiting):
            if request.recipient == LEADER and await asyncio.to_thread(self._requests.begin, request.id, term):
                task = asyncio.create_task(self._finish(request), name=f"leader.request.{request.id}")
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _finish(self, request: Request) -> None:
        answer = await self._carried_out(request)
        try:
            await asyncio.to_thread(self._requests.finish, request.id, answer.model_dump_json())
        except ArchiveUnavailableError as error:
            log.error("leader.request_unanswered", request=request.id, error=str(error))

    async def _carried_out(self, request: Request) -> _Answer:
        with taking_notes() as notes:
            try:
                question = _Question.model_validate_json(request.body)
                if question.operation not in self._operations:
                    raise UnavailableError(f"the leader does not know {question.operation}: it runs another version of Davy")
                operation, service = self._operations[question.operation]
                with act_as(question.caller):
                    result = await operation.carry_out(service, question.arguments)
                return _Answer(result=result, before=notes.before, after=notes.after)
            except DavyError as error:
                return _Answer(error=RemoteError.of(error), before=notes.before, after=notes.after)
            except ValidationError as error:
                message = f"the leader reads no such request: it runs another version of Davy ({error.error_count()} errors)"
                return _Answer(error=RemoteError(kind=UnavailableError.__name__, message=message))
