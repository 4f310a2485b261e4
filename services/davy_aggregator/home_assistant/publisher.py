"""Keeps the discovery messages of Home Assistant up to date."""

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from typing import Any

from davy.domain.alarms import AlarmPoint
from davy.domain.camera import CameraAddress
from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Bus, Message
from davy.domain.topics import AGGREGATOR, HOME_ASSISTANT_STATUS, ONLINE, HomeAssistantTopics
from davy.streams.tasks import until_first_ends
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.home_assistant.devices import Entities, alarm_entity, camera_device, edge_device, site_device
from davy_aggregator.site_status import SiteStatus

EVERY_S = 2.0  # a new camera, or the first raise of an alarm, appears within this time
RETRY_S = 10.0


class HomeAssistant:
    """Publishes a retained message per device, and an empty one for a device that is gone. Only the leader publishes.

    Args:
        site: Id of the site.
        status: Knows the cameras and their names.
        alarms: Each alarm that was raised is an entity of its source.
    """

    def __init__(self, site: str, status: SiteStatus, alarms: AlarmService) -> None:
        self._site, self._status, self._alarms = site, status, alarms
        self._raised: dict[str, AlarmPoint] = {}
        self._sent: dict[str, bytes] = {}
        self._wanted = asyncio.Event()

    def republish(self) -> None:
        """Publish every message again: the broker, or Home Assistant, may have lost them."""
        self._sent = dict.fromkeys(self._sent, b"")  # the names are kept, to retire those that go meanwhile
        self._wanted.set()

    async def run(self, bus: Bus) -> None:
        """Publish until cancelled."""
        await until_first_ends("home-assistant", publish=self._publish(bus), follow=self._follow(bus))

    async def _follow(self, bus: Bus) -> None:
        async for message in bus.subscribe([HOME_ASSISTANT_STATUS]):
            if message.payload == ONLINE:
                self.republish()

    async def _publish(self, bus: Bus) -> None:
        while True:
            wait_s = EVERY_S
            self._wanted.clear()
            if self._alarms.leads:
                try:
                    await self._publish_changes(bus)
                except BrokerUnavailableError:  # the bus counts and logs it
                    wait_s = RETRY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wanted.wait(), wait_s)

    async def _publish_changes(self, bus: Bus) -> None:
        devices = {name: json.dumps(device).encode() for name, device in self.devices().items()}
        for name in [*devices, *(self._sent.keys() - devices.keys())]:
            payload = devices.get(name, b"")
            if self._sent.get(name) != payload or not payload:
                topic = HomeAssistantTopics(self._site, name).discovery
                await bus.publish(Message(topic, payload, qos=1, retain=True, content_type="application/json"))
                self._sent[name] = payload
            if not payload:
                del self._sent[name]

    def devices(self) -> dict[str, dict[str, Any]]:
        """Every device by its name in the topic: "north_face" of a camera, "north" of an edge, "aggregator" of the site."""
        alarms, cameras = self._alarms_by_source(), self._status.cameras()
        found = {AGGREGATOR: site_device(self._site, alarms.get(AGGREGATOR, {}))}
        for edge in dict.fromkeys(camera.edge for camera in cameras):
            found[edge] = edge_device(self._site, edge, alarms.get(edge, {}))
        for camera in cameras:
            address = CameraAddress(self._site, camera.edge, camera.camera)
            entities = alarms.get(camera.id, {})
            found[f"{camera.edge}_{camera.camera}"] = camera_device(address, camera.label, camera.district, entities)
        return found

    def _alarms_by_source(self) -> dict[str, Entities]:
        self._raised |= {alarm.point.id: alarm.point for alarm in self._alarms.all()}
        found: dict[str, dict[str, Any]] = defaultdict(dict)
        for point in self._raised.values():
            title = self._alarms.rules.rule(point).title or point.kind.replace("-", " ").capitalize()
            name, entity = alarm_entity(self._site, point, title)
            found[point.source][name] = entity
        return dict(found)
