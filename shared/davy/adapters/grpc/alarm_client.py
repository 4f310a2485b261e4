"""Client of davy.v1.AlarmService for operators and programs."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TypeVar

import grpc

from davy.adapters.grpc.channels import open_channel, own_metadata
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorUnavailableError, ConflictError, DavyError, InvalidInputError
from davy.domain.secret_url import SecretUrl
from davy.v1 import alarm_pb2, alarm_pb2_grpc

ANSWER_S = 20.0

Answer = TypeVar("Answer")


class AlarmClient:
    """Lists, watches and answers alarms.

    Every method raises AggregatorUnavailableError where there is none, InvalidInputError and ConflictError in its words.
    """

    def __init__(self, channel: grpc.aio.Channel, endpoint: SecretUrl | str) -> None:
        self._stub, self._endpoint = alarm_pb2_grpc.AlarmServiceStub(channel), str(SecretUrl.of(endpoint))

    async def all(self) -> list[alarm_pb2.Alarm]:
        """List alarms that are not normal, the most urgent first."""
        request = alarm_pb2.ListAlarmsRequest()
        return list((await self._ask(self._stub.ListAlarms(request, timeout=ANSWER_S, metadata=own_metadata()))).alarms)

    async def changes(self, alarm: str = "", limit: int = 100) -> list[alarm_pb2.AlarmChange]:
        """List changes of one alarm, or of all, newest first."""
        request = alarm_pb2.ListAlarmChangesRequest(alarm=alarm, limit=limit)
        return list((await self._ask(self._stub.ListAlarmChanges(request, timeout=ANSWER_S, metadata=own_metadata()))).changes)

    async def acknowledge(self, alarm: str, words: str = "", occurrence: int = 0) -> alarm_pb2.Alarm:
        """Answer an alarm; occurrence names the raise that was seen, 0 any."""
        request = alarm_pb2.AcknowledgeAlarmRequest(id=alarm, words=words, occurrence=occurrence)
        return (await self._ask(self._stub.AcknowledgeAlarm(request, timeout=ANSWER_S, metadata=own_metadata()))).alarm

    async def shelve(self, alarm: str, words: str, duration_s: float) -> alarm_pb2.Alarm:
        """Hide an alarm for a time; words say why."""
        request = alarm_pb2.ShelveAlarmRequest(id=alarm, words=words, duration_s=duration_s)
        return (await self._ask(self._stub.ShelveAlarm(request, timeout=ANSWER_S, metadata=own_metadata()))).alarm

    async def unshelve(self, alarm: str, words: str = "") -> alarm_pb2.Alarm:
        """Show a shelved alarm again."""
        request = alarm_pb2.UnshelveAlarmRequest(id=alarm, words=words)
        return (await self._ask(self._stub.UnshelveAlarm(request, timeout=ANSWER_S, metadata=own_metadata()))).alarm

    async def watch(self) -> AsyncGenerator[list[alarm_pb2.Alarm], None]:
        """Yield every alarm that is not normal, then those that change."""
        call = self._stub.WatchAlarms(alarm_pb2.WatchAlarmsRequest(), metadata=own_metadata())
        try:
            async for changed in call:
                yield list(changed.alarms)
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error
        finally:
            call.cancel()

    async def _ask(self, call: Awaitable[Answer]) -> Answer:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._translate(error) from error

    def _translate(self, error: grpc.aio.AioRpcError) -> DavyError:
        text = error.details() or error.code().name
        match error.code():
            case grpc.StatusCode.NOT_FOUND | grpc.StatusCode.INVALID_ARGUMENT:
                return InvalidInputError(text)
            case grpc.StatusCode.FAILED_PRECONDITION:
                return ConflictError(text)
            case _:
                return AggregatorUnavailableError(self._endpoint, text)


@asynccontextmanager
async def connect(endpoint: SecretUrl | str, tls: Tls | None = None) -> AsyncIterator[AlarmClient]:
    """A client of the aggregator at grpc://host[:50051] or grpcs://host.

    Args:
        endpoint: The aggregator's address.
        tls: The own identity for grpcs.

    Raises:
        ConfigError: endpoint is no such address.
    """
    async with open_channel(endpoint, tls) as channel:
        yield AlarmClient(channel, endpoint)
