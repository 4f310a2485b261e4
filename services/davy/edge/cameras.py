"""What is known of each camera's state, and who has to hear of it."""

import asyncio
import json

from davy.edge.capture import CameraState
from davy.edge.events import ALARM, INFO, WARNING, Events
from davy.errors import BrokerUnavailableError
from davy.ports import Bus, Message
from davy.topics import EdgeTopics

_DOWN = (CameraState.OFFLINE, CameraState.ERROR)


class CameraStates:
    """The state of every camera; retained on its status topic, and events where it changes. Used on the event loop."""

    def __init__(self, topics: EdgeTopics, cameras: list[str], events: Events) -> None:
        self._topics, self._events = topics, events
        self.current: dict[str, tuple[CameraState, str]] = dict.fromkeys(cameras, (CameraState.OFFLINE, "it is being opened"))
        self._known: dict[str, CameraState] = {}
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()

    def set(self, camera: str, state: CameraState, reason: str) -> None:
        self.current[camera] = (state, reason)
        before, self._known[camera] = self._known.get(camera), state
        self._changed[camera] = None
        self._news.set()
        if state is before:
            return
        if state is CameraState.ONLINE:
            self._events.note("camera-online", f"camera {camera} gives frames", INFO, camera)
        elif state is CameraState.STALLED:
            self._events.note("camera-stalled", f"camera {camera} gives no frames: {reason}", WARNING, camera)
        elif before not in _DOWN:
            self._events.note("camera-offline", f"camera {camera} cannot be reached: {reason}", ALARM, camera)

    async def publish(self, bus: Bus) -> None:
        """Publish every change until cancelled. What meets no broker is published by `publish_all` when it is back."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._changed:
                camera, _ = self._changed.popitem()
                try:
                    await bus.publish(self._message(camera))
                except BrokerUnavailableError:
                    continue

    async def publish_all(self, bus: Bus) -> None:
        """Publish the state of every camera.

        Raises:
            BrokerUnavailableError: not connected.
        """
        for camera in self.current:
            await bus.publish(self._message(camera))

    def stop(self, reason: str) -> None:
        """Set every camera offline without events: it is the edge that goes."""
        for camera in self.current:
            self.current[camera] = (CameraState.OFFLINE, reason)

    def _message(self, camera: str) -> Message:
        state, reason = self.current[camera]
        said = json.dumps({"state": state, "reason": reason}).encode()
        return Message(self._topics.camera(camera).status, said, qos=1, retain=True, content_type="application/json")
