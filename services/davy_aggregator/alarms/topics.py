"""Alarms on the broker: the retained state of each, and their number."""

import asyncio
import json
from contextlib import aclosing

from davy.domain.alarms import Alarm, AlarmState
from davy.domain.errors import BrokerUnavailableError, MessageRefusedError
from davy.domain.ports import Bus, Message
from davy.domain.topics import AlarmTopics
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.alarms.view import alarm_json

JSON = "application/json"
NORMAL_EXPIRY_S = 3600  # a broker forgets the state of an alarm so long after it has become normal
RETRY_S = 1.0


async def publish_alarms(bus: Bus, alarms: AlarmService) -> None:
    """Publish every alarm that is not normal, each change, and all again after a reconnect, until cancelled."""
    while True:
        try:
            async with aclosing(alarms.watch()) as changes:
                async for changed in changes:
                    for alarm in changed if alarms.leads else ():
                        await bus.publish(_message(alarms, alarm))
                    if alarms.leads:
                        await bus.publish(_counts(alarms))
        except (BrokerUnavailableError, MessageRefusedError):
            await asyncio.sleep(RETRY_S)


def _message(alarms: AlarmService, alarm: Alarm) -> Message:
    payload = json.dumps(alarm_json(alarm, alarms.rules.rule(alarm.point))).encode()
    expiry_s = NORMAL_EXPIRY_S if alarm.state is AlarmState.NORMAL else None
    topic = AlarmTopics(alarms.site, alarm.point.id).state
    return Message(topic, payload, qos=1, retain=True, content_type=JSON, expiry_s=expiry_s)


def _counts(alarms: AlarmService) -> Message:
    counts = {state.value: 0 for state in AlarmState if state is not AlarmState.NORMAL} | alarms.counts()
    return Message(AlarmTopics(alarms.site).counts, json.dumps(counts).encode(), qos=1, retain=True, content_type=JSON)
