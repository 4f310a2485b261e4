"""Presence of edges and cameras: the states and figures that they publish over MQTT."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from davy.domain.bounds import read_json_object
from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError, OtherSiteError
from davy.domain.ports import Message
from davy.domain.topics import OFFLINE, ONLINE, Leaf, Topic

MAX_STATUS_BYTES = 65_536
MAX_EDGES = 1024
MAX_CAMERAS = 256  # of an edge: it may name any number of them


@dataclass(slots=True)
class EdgeState:
    """Last state of an edge. online is None before its first message; info and stats are its JSON."""

    online: bool | None = None
    since_ns: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)
    stats_ns: int = 0


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """Last state of a camera: online, offline, stalled or error, with a reason. Empty before the first message."""

    state: str = ""
    reason: str = ""


class PresenceTracker:
    """Tracks the newest retained state of every edge and camera of one site."""

    def __init__(self, site: str) -> None:
        self._site = site
        self.edges: dict[str, EdgeState] = {}
        self._cameras: dict[str, dict[str, CameraStatus]] = {}  # by edge and camera
        self._raw_s: dict[CameraAddress, float] = {}

    def edge(self, edge: str) -> EdgeState:
        return self.edges.get(edge, EdgeState())

    def is_online(self, edge: str) -> bool:
        return self.edge(edge).online is True

    def camera(self, camera: CameraAddress) -> CameraStatus:
        return self._cameras.get(camera.edge, {}).get(camera.camera, CameraStatus())

    def record_raw(self, camera: CameraAddress) -> None:
        """Record a raw frame of a camera without edge compute."""
        self._raw_s[camera] = time.monotonic()

    def waits_for_enhancer(self, camera: CameraAddress) -> bool:
        """Return whether raw frames of the camera arrived within the last 5 s."""
        return time.monotonic() - self._raw_s.get(camera, -1e9) < 5

    def apply(self, message: Message) -> None:
        """Apply a status, info, stats or camera status message.

        Raises:
            InvalidInputError: the message is too large, or is invalid for its topic.
        """
        topic = Topic.parse(message.topic)
        if topic.site != self._site:
            raise OtherSiteError(topic.site, self._site, "states")
        if len(message.payload) > MAX_STATUS_BYTES:
            raise InvalidInputError(f"{message.topic}: over {MAX_STATUS_BYTES:,} bytes")
        if topic.edge not in self.edges and len(self.edges) >= MAX_EDGES:
            raise InvalidInputError(f"{message.topic}: the limit of {MAX_EDGES} edges is reached")
        match (topic.camera, topic.leaf):
            case ("", Leaf.STATUS):
                self._apply_status(topic.edge, message.payload)
            case ("", Leaf.INFO):
                self._edge(topic.edge).info = read_json_object(message.topic, message.payload)
            case ("", Leaf.STATS):
                edge = self._edge(topic.edge)
                edge.stats, edge.stats_ns = read_json_object(message.topic, message.payload), time.time_ns()
            case (_, Leaf.STATUS) if not message.payload:  # the camera was removed
                self._cameras.get(topic.edge, {}).pop(topic.camera, None)
            case (_, Leaf.STATUS):
                status = read_json_object(message.topic, message.payload)
                cameras = self._cameras.setdefault(topic.edge, {})
                if topic.camera not in cameras and len(cameras) >= MAX_CAMERAS:
                    raise InvalidInputError(f"{message.topic}: the limit of {MAX_CAMERAS} cameras of an edge is reached")
                cameras[topic.camera] = CameraStatus(str(status.get("state", ""))[:32], str(status.get("reason", ""))[:500])
            case _:
                raise InvalidInputError(f"{message.topic}: not a status topic")

    def camera_stats(self, camera: CameraAddress) -> Mapping[str, Any]:
        """Return the stats of a camera, empty if there are none."""
        cameras = self.edge(camera.edge).stats.get("cameras")
        found = cameras.get(camera.camera) if isinstance(cameras, dict) else None
        return found if isinstance(found, dict) else {}

    def _edge(self, edge: str) -> EdgeState:
        return self.edges.setdefault(edge, EdgeState())

    def _apply_status(self, name: str, payload: bytes) -> None:
        if payload not in (ONLINE, OFFLINE):
            raise InvalidInputError(f"edge {name}: status is {payload[:32]!r}, expected online or offline")
        edge = self._edge(name)
        online = payload == ONLINE
        if edge.online is not online:
            edge.online, edge.since_ns = online, time.time_ns()
