"""What is known of each camera's state, and who has to hear of it."""

import asyncio
import json
from collections.abc import Iterable
from contextlib import suppress

from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Bus, Message
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy_edge.frames.capture import CameraState
from davy_edge.transport.events import Events

_DOWN = (CameraState.OFFLINE, CameraState.ERROR)


class CameraStates:
    """The state of every camera; retained on its status topic, and events where it changes. Used on the event loop."""

    def __init__(self, topics: EdgeTopics, cameras: list[str], events: Events) -> None:
        self._topics, self._events = topics, events
        self.current: dict[str, tuple[CameraState, str]] = dict.fromkeys(cameras, (CameraState.OFFLINE, "it is being opened"))
        self._known: dict[str, CameraState] = {}
        self._changed: dict[str, None] = {}
        self._gone: dict[str, str] = {}
        self._leaving: dict[str, None] = {}
        self._news = asyncio.Event()

    def of(self, camera: str) -> tuple[CameraState, str]:
        """State and reason; from any thread."""
        return self.current.get(camera, (CameraState.OFFLINE, "it is not configured"))

    def add(self, camera: str) -> None:
        """A camera is there, and being opened."""
        self._gone.pop(camera, None)
        self._leaving.pop(camera, None)
        self.current = {**self.current, camera: (CameraState.OFFLINE, "it is being opened")}

    def remove(self, camera: str, reason: str) -> None:
        """A camera is gone: its topic says offline and why, and keeps nothing after that."""
        self.current = {name: state for name, state in self.current.items() if name != camera}  # others may go over the old
        self._known.pop(camera, None)
        self._changed.pop(camera, None)
        self._gone[camera] = reason
        self._leaving[camera] = None
        self._news.set()

    def set(self, camera: str, state: CameraState, reason: str) -> None:
        if camera not in self.current:
            return  # the last word of one that was removed
        self.current[camera] = (state, reason)
        before, self._known[camera] = self._known.get(camera), state
        self._changed[camera] = None
        self._news.set()
        if state is before:
            return
        if state is CameraState.ONLINE:
            self._events.record_event("camera-online", f"camera {camera} gives frames", Severity.INFO, camera)
        elif state is CameraState.STALLED:
            self._events.record_event("camera-stalled", f"camera {camera} gives no frames: {reason}", Severity.WARNING, camera)
        elif before not in _DOWN:
            self._events.record_event("camera-offline", f"camera {camera} cannot be reached: {reason}", Severity.ALARM, camera)

    async def publish(self, bus: Bus) -> None:
        """Publish every change until cancelled. What meets no broker is published by `publish_all` when it is back."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._leaving:
                camera, _ = self._leaving.popitem()
                with suppress(BrokerUnavailableError):
                    await self._take_leave(bus, camera)
            while self._changed:
                camera, _ = self._changed.popitem()
                if camera in self.current:
                    with suppress(BrokerUnavailableError):
                        await bus.publish(self._message(camera))

    async def _take_leave(self, bus: Bus, camera: str) -> None:
        """The last word, for whoever listens; then nothing is kept for who comes later."""
        topic = self._topics.camera(camera).status
        said = _said(CameraState.OFFLINE, self._gone.get(camera, ""))
        await bus.publish(Message(topic, said, qos=1, retain=True, content_type="application/json"))
        if camera in self._gone:  # it has not come back meanwhile
            await bus.publish(Message(topic, b"", qos=1, retain=True))

    async def publish_all(self, bus: Bus) -> None:
        """Publish the state of every camera.

        Raises:
            BrokerUnavailableError: not connected.
        """
        for camera in list(self._gone):  # the broker may have been away when they went
            await bus.publish(Message(self._topics.camera(camera).status, b"", qos=1, retain=True))
        for camera in list(self.current):
            await bus.publish(self._message(camera))

    def were_here(self, cameras: Iterable[str]) -> None:
        """Cameras that went before this start: their topics are cleared at every connect."""
        self._gone |= {camera: "" for camera in cameras if camera not in self.current}

    def stop(self, reason: str) -> None:
        """Set every camera offline without events: it is the edge that goes."""
        for camera in self.current:
            self.current[camera] = (CameraState.OFFLINE, reason)

    def _message(self, camera: str) -> Message:
        said = _said(*self.of(camera))
        return Message(self._topics.camera(camera).status, said, qos=1, retain=True, content_type="application/json")


def _said(state: CameraState, reason: str) -> bytes:
    return json.dumps({"state": state, "reason": reason}).encode()
