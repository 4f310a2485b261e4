"""davy.v1.AlarmService over gRPC."""

import math
from collections.abc import AsyncGenerator
from contextlib import aclosing

from davy.domain.alarm_record import AlarmChange, AlarmQuery
from davy.domain.alarms import MAX_TEXT, Alarm, AlarmState, Answer
from davy.domain.errors import InvalidInputError
from davy.domain.severity import Severity
from davy.v1 import alarm_pb2, alarm_pb2_grpc, ingest_pb2
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.context import ServiceContext

MAX_ROWS, DEFAULT_ROWS = 1000, 100


class AlarmsServicer(alarm_pb2_grpc.AlarmServiceServicer):
    """Lists, watches and answers alarms."""

    def __init__(self, context: ServiceContext) -> None:
        self._context, self._alarms = context, context.alarms

    async def ListAlarms(  # noqa: N802  # gRPC names methods so
        self,
        request: alarm_pb2.ListAlarmsRequest,  # noqa: ARG002
        context: object,  # noqa: ARG002
    ) -> alarm_pb2.ListAlarmsResponse:
        return alarm_pb2.ListAlarmsResponse(alarms=[alarm_message(self._alarms, each) for each in self._alarms.all()])

    async def ListAlarmChanges(  # noqa: N802  # as above
        self,
        request: alarm_pb2.ListAlarmChangesRequest,
        context: object,  # noqa: ARG002
    ) -> alarm_pb2.ListAlarmChangesResponse:
        if request.limit > MAX_ROWS:
            raise InvalidInputError(f"limit is {request.limit}: at most {MAX_ROWS} rows are sent at a time")
        if request.before >= 2**63:
            raise InvalidInputError("before is the seq of a row")
        query = AlarmQuery(alarm=request.alarm or None, before=request.before or None, limit=request.limit or DEFAULT_ROWS)
        found = await self._alarms.history(query)
        return alarm_pb2.ListAlarmChangesResponse(changes=map(change_message, found))

    async def WatchAlarms(  # noqa: N802  # as above
        self,
        request: alarm_pb2.WatchAlarmsRequest,  # noqa: ARG002
        context: object,  # noqa: ARG002
    ) -> AsyncGenerator[alarm_pb2.WatchAlarmsResponse, None]:
        with self._context.stream("grpc"):
            async with aclosing(self._alarms.watch()) as changes:
                async for changed in changes:
                    yield alarm_pb2.WatchAlarmsResponse(alarms=[alarm_message(self._alarms, each) for each in changed])

    async def AcknowledgeAlarm(  # noqa: N802  # as above
        self,
        request: alarm_pb2.AcknowledgeAlarmRequest,
        context: object,  # noqa: ARG002
    ) -> alarm_pb2.AcknowledgeAlarmResponse:
        found = await self._alarms.acknowledge(request.id, self._alarms.who(), _words(request.words), request.occurrence)
        return alarm_pb2.AcknowledgeAlarmResponse(alarm=alarm_message(self._alarms, found))

    async def ShelveAlarm(  # noqa: N802  # as above
        self,
        request: alarm_pb2.ShelveAlarmRequest,
        context: object,  # noqa: ARG002
    ) -> alarm_pb2.ShelveAlarmResponse:
        if not math.isfinite(request.duration_s):
            raise InvalidInputError("duration_s is a number of seconds")
        found = await self._alarms.shelve(request.id, self._alarms.who(), _words(request.words), request.duration_s)
        return alarm_pb2.ShelveAlarmResponse(alarm=alarm_message(self._alarms, found))

    async def UnshelveAlarm(  # noqa: N802  # as above
        self,
        request: alarm_pb2.UnshelveAlarmRequest,
        context: object,  # noqa: ARG002
    ) -> alarm_pb2.UnshelveAlarmResponse:
        found = await self._alarms.unshelve(request.id, self._alarms.who(), _words(request.words))
        return alarm_pb2.UnshelveAlarmResponse(alarm=alarm_message(self._alarms, found))


def alarm_message(alarms: AlarmService, alarm: Alarm) -> alarm_pb2.Alarm:
    """Convert an alarm."""
    rule, point = alarms.rules.rule(alarm.point), alarm.point
    return alarm_pb2.Alarm(
        id=point.id,
        kind=point.kind,
        source=point.source,
        part=point.part,
        state=_state(alarm.state),
        severity=_severity(alarm.severity),
        title=rule.title or point.kind.replace("-", " ").capitalize(),
        message=alarm.message,
        consequence=rule.consequence,
        response=rule.response,
        occurrence=alarm.occurrence,
        chattering=alarm.chattering,
        raised_ns=alarm.raised_ns,
        returned_ns=alarm.returned_ns,
        acknowledged=_answer(alarm.acknowledged),
        shelved=_answer(alarm.shelved) if alarm.shelved_until_ns else None,
        shelved_until_ns=alarm.shelved_until_ns,
        figures=alarm.figures,
        event=alarm.event,
    )


def change_message(row: AlarmChange) -> alarm_pb2.AlarmChange:
    """Convert a row of the history."""
    return alarm_pb2.AlarmChange(
        seq=row.seq,
        alarm=row.alarm,
        occurrence=row.occurrence,
        severity=_severity(Severity.nearest(row.severity)),
        at_ns=row.at_ns,
        transition=row.transition,
        state=_state(AlarmState(row.state)),
        message=row.message,
        who=row.who,
        words=row.words,
    )


def _words(words: str) -> str:
    if len(words) > MAX_TEXT:
        raise InvalidInputError(f"words: at most {MAX_TEXT} characters")
    return words


def _answer(answer: Answer) -> alarm_pb2.AlarmAnswer | None:
    return alarm_pb2.AlarmAnswer(who=answer.who, words=answer.words, at_ns=answer.at_ns) if answer.at_ns else None


def _state(state: AlarmState) -> alarm_pb2.AlarmState.ValueType:
    return alarm_pb2.AlarmState.Value(f"ALARM_STATE_{state.name}")


def _severity(severity: Severity) -> ingest_pb2.Severity.ValueType:
    return ingest_pb2.Severity.Value(f"SEVERITY_{severity.name}")
