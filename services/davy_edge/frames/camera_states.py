"""The state of every camera, published on MQTT and recorded as events."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Bus, Message
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy_edge.frames.capture import CameraState
from davy_edge.transport.events import Events

UNSTEADY_CHANGES, UNSTEADY_S = 6, 60.0  # this number of changes in this number of seconds makes one event
MAX_CHANGES = 100
STEADY_S = 20.0  # without a change a camera is steady again: longer than the longest wait before it is opened anew

_DOWN = (CameraState.OFFLINE, CameraState.ERROR)


class CameraStates:
    """Tracks every camera's state: retained on its status topic, with an event on each change. Use it on the event loop."""

    def __init__(
        self, topics: EdgeTopics, cameras: list[str], events: Events, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._topics, self._events, self._clock = topics, events, clock
        self.current: dict[str, tuple[CameraState, str]] = dict.fromkeys(cameras, (CameraState.OFFLINE, "the edge opens it"))
        self._known: dict[str, CameraState] = {}
        self._changes: dict[str, list[float]] = {}
        self._unsteady: set[str] = set()
        self._changed: dict[str, None] = {}
        self._gone: dict[str, str] = {}
        self._leaving: dict[str, None] = {}
        self._pending = asyncio.Event()

    def of(self, camera: str) -> tuple[CameraState, str]:
        """Return state and reason; callable from any thread."""
        return self.current.get(camera, (CameraState.OFFLINE, "not configured"))

    def add(self, camera: str) -> None:
        """Add a camera that the edge opens."""
        self._gone.pop(camera, None)
        self._leaving.pop(camera, None)
        self.current = {**self.current, camera: (CameraState.OFFLINE, "the edge opens it")}

    def remove(self, camera: str, reason: str) -> None:
        """Remove a camera: publish offline with the reason, then clear the retained message."""
        self.current = {
            name: state for name, state in self.current.items() if name != camera
        }  # other threads may iterate over the old one
        self._known.pop(camera, None)
        self._changes.pop(camera, None)
        self._unsteady.discard(camera)
        self._changed.pop(camera, None)
        self._gone[camera] = reason
        self._leaving[camera] = None
        self._pending.set()

    def set(self, camera: str, state: CameraState, reason: str) -> None:
        if camera not in self.current:
            return  # a late report of a removed camera
        self.current[camera] = (state, reason)
        before, self._known[camera] = self._known.get(camera), state
        self._changed[camera] = None
        self._pending.set()
        if state is not before and not self._is_unsteady(camera):
            self._record(camera, state, reason, before)

    def check(self) -> None:
        """Record the state that an unsteady camera has come to rest in. Call it every second or so."""
        for camera in list(self._unsteady):
            if self._clock() - self._changes[camera][-1] >= STEADY_S:
                self._unsteady.discard(camera)
                self._changes.pop(camera)
                self._record(camera, *self.current[camera], before=None)

    def _record(self, camera: str, state: CameraState, reason: str, before: CameraState | None) -> None:
        if state is CameraState.ONLINE:
            self._events.record_event("camera-online", f"camera {camera} sends frames", Severity.INFO, camera)
        elif state is CameraState.STALLED:
            self._events.record_event("camera-stalled", f"camera {camera} sends no frames: {reason}", Severity.WARNING, camera)
        elif before not in _DOWN:
            self._events.record_event("camera-offline", f"camera {camera} is unreachable: {reason}", Severity.ALARM, camera)

    def _is_unsteady(self, camera: str) -> bool:
        """Return whether the camera changes too often; record that once, until the camera is steady again."""
        now_s = self._clock()
        recent = [at_s for at_s in self._changes.get(camera, []) if now_s - at_s < UNSTEADY_S][-MAX_CHANGES:]
        self._changes[camera] = [*recent, now_s]
        if len(recent) < UNSTEADY_CHANGES:
            self._unsteady.discard(camera)
            return False
        if camera not in self._unsteady:
            self._unsteady.add(camera)
            rate = 60 * len(recent) / max(now_s - recent[0], 1.0)
            text = (
                f"camera {camera} is unsteady: {len(recent)} changes, {rate:.0f} per minute; no more events until it is steady"
            )
            self._events.record_event("camera-unsteady", text, Severity.WARNING, camera)
        return True

    async def publish(self, bus: Bus) -> None:
        """Publish every change until cancelled. After a reconnect `publish_all` publishes the missed ones."""
        while True:
            await self._pending.wait()
            self._pending.clear()
            while self._leaving:
                camera, _ = self._leaving.popitem()
                with suppress(BrokerUnavailableError):
                    await self._publish_removal(bus, camera)
            while self._changed:
                camera, _ = self._changed.popitem()
                if camera in self.current:
                    with suppress(BrokerUnavailableError):
                        await bus.publish(self._message(camera))

    async def _publish_removal(self, bus: Bus, camera: str) -> None:
        """Publish offline for present subscribers, then clear the retained message."""
        topic = self._topics.camera(camera).status
        payload = _payload(CameraState.OFFLINE, self._gone.get(camera, ""))
        await bus.publish(Message(topic, payload, qos=1, retain=True, content_type="application/json"))
        if camera in self._gone:  # not added again meanwhile
            await bus.publish(Message(topic, b"", qos=1, retain=True))

    async def publish_all(self, bus: Bus) -> None:
        """Publish the state of every camera.

        Raises:
            BrokerUnavailableError: not connected.
        """
        for camera in list(self._gone):  # the broker may have been disconnected at their removal
            await bus.publish(Message(self._topics.camera(camera).status, b"", qos=1, retain=True))
        for camera in list(self.current):
            await bus.publish(self._message(camera))

    def clear_removed(self, cameras: Iterable[str]) -> None:
        """Clear the topics of cameras that were removed before this start, at every connect."""
        self._gone |= {camera: "" for camera in cameras if camera not in self.current}

    def stop(self, reason: str) -> None:
        """Set every camera offline without events: the edge stops."""
        for camera in self.current:
            self.current[camera] = (CameraState.OFFLINE, reason)

    def _message(self, camera: str) -> Message:
        payload = _payload(*self.of(camera))
        return Message(self._topics.camera(camera).status, payload, qos=1, retain=True, content_type="application/json")


def _payload(state: CameraState, reason: str) -> bytes:
    return json.dumps({"state": state, "reason": reason}).encode()
