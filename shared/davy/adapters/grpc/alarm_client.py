"""Client of davy.v1.AlarmService for operators and programs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc

from davy.adapters.grpc.operator_client import OperatorClient
from davy.domain.secret_url import SecretUrl
from davy.v1 import alarm_pb2, alarm_pb2_grpc


class AlarmClient(OperatorClient):
    """Lists, watches and answers alarms."""

    def __init__(self, channel: grpc.aio.Channel, endpoint: SecretUrl | str) -> None:
        super().__init__(channel, endpoint)
        self._stub = alarm_pb2_grpc.AlarmServiceStub(channel)

    async def all(self) -> list[alarm_pb2.Alarm]:
        """List alarms that are not normal, the most urgent first."""
        return list((await self._ask(self._stub.ListAlarms, alarm_pb2.ListAlarmsRequest())).alarms)

    async def changes(self, alarm: str = "", limit: int = 100) -> list[alarm_pb2.AlarmChange]:
        """List changes of one alarm, or of all, newest first."""
        request = alarm_pb2.ListAlarmChangesRequest(alarm=alarm, limit=limit)
        return list((await self._ask(self._stub.ListAlarmChanges, request)).changes)

    async def acknowledge(self, alarm: str, words: str = "", occurrence: int = 0) -> alarm_pb2.Alarm:
        """Answer an alarm; occurrence names the raise that was seen, 0 any."""
        request = alarm_pb2.AcknowledgeAlarmRequest(id=alarm, words=words, occurrence=occurrence)
        return (await self._ask(self._stub.AcknowledgeAlarm, request)).alarm

    async def shelve(self, alarm: str, words: str, duration_s: float) -> alarm_pb2.Alarm:
        """Hide an alarm for a time; words say why."""
        request = alarm_pb2.ShelveAlarmRequest(id=alarm, words=words, duration_s=duration_s)
        return (await self._ask(self._stub.ShelveAlarm, request)).alarm

    async def unshelve(self, alarm: str, words: str = "") -> alarm_pb2.Alarm:
        """Show a shelved alarm again."""
        return (await self._ask(self._stub.UnshelveAlarm, alarm_pb2.UnshelveAlarmRequest(id=alarm, words=words))).alarm

    async def watch(self) -> AsyncGenerator[list[alarm_pb2.Alarm], None]:
        """Yield every alarm that is not normal, then those that change."""
        async with aclosing(self._follow(self._stub.WatchAlarms, alarm_pb2.WatchAlarmsRequest())) as answers:
            async for changed in answers:
                yield list(changed.alarms)
