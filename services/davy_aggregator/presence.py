"""The presence of edges and cameras: the states and figures that they publish over MQTT."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError, OtherSiteError
from davy.domain.ports import Message
from davy.domain.topics import OFFLINE, ONLINE, Topic

MAX_STATUS_BYTES = 65_536
MAX_EDGES = 1024


@dataclass(slots=True)
class EdgeState:
    """The last state of an edge. online is None before its first message; info and stats are its own JSON."""

    online: bool | None = None
    since_ns: int = 0
    info: Mapping[str, Any] = field(default_factory=dict)
    stats: Mapping[str, Any] = field(default_factory=dict)
    stats_ns: int = 0


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """The last state of a camera: online, offline, stalled or error, with a reason. Empty before the first message."""

    state: str = ""
    reason: str = ""


class PresenceTracker:
    """The newest retained state of every edge and camera of one site."""

    def __init__(self, site: str) -> None:
        self._site = site
        self.edges: dict[str, EdgeState] = {}
        self._cameras: dict[CameraAddress, CameraStatus] = {}
        self._raw_s: dict[CameraAddress, float] = {}

    def edge(self, edge: str) -> EdgeState:
        return self.edges.get(edge, EdgeState())

    def is_online(self, edge: str) -> bool:
        return self.edge(edge).online is True

    def camera(self, camera: CameraAddress) -> CameraStatus:
        return self._cameras.get(camera, CameraStatus())

    def record_raw(self, camera: CameraAddress) -> None:
        """Record a raw frame of a camera without edge compute."""
        self._raw_s[camera] = time.monotonic()

    def waits_for_enhancer(self, camera: CameraAddress) -> bool:
        """Whether raw frames of the camera came within the last 5 s."""
        return time.monotonic() - self._raw_s.get(camera, -1e9) < 5

    def apply(self, message: Message) -> None:
        """Apply a status, info, stats or camera status message.

        Raises:
            InvalidInputError: the message is too large, or does not match its topic.
        """
        topic = Topic.parse(message.topic)
        if topic.site != self._site:
            raise OtherSiteError(topic.site, self._site, "states")
        if len(message.payload) > MAX_STATUS_BYTES:
            raise InvalidInputError(f"{message.topic}: {len(message.payload):,} bytes; at most {MAX_STATUS_BYTES:,} are read")
        if topic.edge not in self.edges and len(self.edges) >= MAX_EDGES:
            raise InvalidInputError(f"{message.topic}: {MAX_EDGES} edges are known already")
        match (topic.camera, topic.leaf):
            case ("", "status"):
                self._apply_status(topic.edge, message.payload)
            case ("", "info"):
                self._edge(topic.edge).info = _read_json(message)
            case ("", "stats"):
                edge = self._edge(topic.edge)
                edge.stats, edge.stats_ns = _read_json(message), time.time_ns()
            case (_, "status") if not message.payload:  # a camera that was taken out: its topic keeps nothing
                self._cameras.pop(topic.camera_id, None)
            case (_, "status"):
                status = _read_json(message)
                self._cameras[topic.camera_id] = CameraStatus(
                    str(status.get("state", ""))[:32], str(status.get("reason", ""))[:500]
                )
            case _:
                raise InvalidInputError(f"{message.topic}: not a status topic")

    def camera_stats(self, camera: CameraAddress) -> Mapping[str, Any]:
        """Return the camera's part of its edge's stats, empty if there is none."""
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


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number that JSON can carry on")
    return value


def _read_json(message: Message) -> dict[str, Any]:
    try:
        value = json.loads(message.payload, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{message.topic}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"{message.topic}: a JSON object is expected")
    return value
