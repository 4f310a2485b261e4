"""Alarms on the site's broker."""

import json
from collections.abc import Sequence

from davy.adapters.notify.base import Message, NotifyError
from davy.domain.errors import BrokerUnavailableError, MessageRefusedError
from davy.domain.ports import Bus
from davy.domain.ports import Message as BusMessage
from davy.domain.topics import AlarmTopics


class BrokerNotifier:
    """Publishes `{"alarms": [...]}` on the topic of escalations, QoS 1, not retained.

    Args:
        target: Name of the target.
        bus: The broker.
        topics: Of the site's alarms.
    """

    def __init__(self, target: str, bus: Bus, topics: AlarmTopics) -> None:
        self._target, self._bus, self._topic = target, bus, topics.escalation

    async def send(self, messages: Sequence[Message]) -> None:
        """Publish the alarms; raises NotifyError while there is no broker."""
        payload = json.dumps({"alarms": [dict(each) for each in messages]}).encode()
        try:
            await self._bus.publish(BusMessage(self._topic, payload, qos=1, content_type="application/json"))
        except (BrokerUnavailableError, MessageRefusedError) as error:
            raise NotifyError(self._target, str(error)) from error
