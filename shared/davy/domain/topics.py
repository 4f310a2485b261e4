"""MQTT topics as values: `davy/v1/<site>/<edge>/...`. No other module writes or splits a topic."""

from dataclasses import dataclass
from typing import Self

from davy.domain.camera import CameraAddress, check_id
from davy.domain.errors import InvalidInputError

ROOT = "davy/v1"
ONLINE, OFFLINE = b"online", b"offline"


class NotADavyTopicError(InvalidInputError):
    def __init__(self, topic: str) -> None:
        super().__init__(f"{topic!r} is not a topic of the form {ROOT}/<site>/<edge>/[cam/<cam>/]<leaf>")
        self.topic = topic


@dataclass(frozen=True, slots=True)
class EdgeTopics:
    """The topics of one edge."""

    site: str
    edge: str

    def __post_init__(self) -> None:
        check_id("site", self.site)
        check_id("edge", self.edge)

    @property
    def base(self) -> str:
        return f"{ROOT}/{self.site}/{self.edge}"

    @property
    def status(self) -> str:  # QoS 1, retained; the last will is offline
        return f"{self.base}/status"

    @property
    def info(self) -> str:  # QoS 1, retained: the birth message
        return f"{self.base}/info"

    @property
    def stats(self) -> str:  # QoS 0, JSON every 10 s
        return f"{self.base}/stats"

    @property
    def event(self) -> str:  # QoS 1, protobuf Event
        return f"{self.base}/event"

    def desired(self, payload: str) -> str:  # QoS 1, retained, JSON davy.twin.protocol.Desired; the aggregator writes it
        return f"{self.base}/desired/{payload}"

    def reported(self, payload: str) -> str:  # QoS 1, retained, JSON davy.twin.protocol.Reported
        return f"{self.base}/reported/{payload}"

    @property
    def desired_model(self) -> str:
        return self.desired("model")

    @property
    def reported_model(self) -> str:
        return self.reported("model")

    @property
    def desired_config(self) -> str:
        return self.desired("config")

    @property
    def reported_config(self) -> str:
        return self.reported("config")

    def camera(self, camera: str) -> "CameraTopics":
        return CameraTopics(CameraAddress(self.site, self.edge, camera))


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """The topics of one camera."""

    id: CameraAddress

    @property
    def base(self) -> str:
        return f"{ROOT}/{self.id.site}/{self.id.edge}/cam/{self.id.camera}"

    @property
    def status(self) -> str:  # QoS 1, retained, JSON {"state": online|offline|stalled|error, "reason": ...}
        return f"{self.base}/status"

    @property
    def frame(self) -> str:  # QoS 0, the enhanced JPEG and nothing else
        return f"{self.base}/frame"

    @property
    def raw(self) -> str:  # QoS 0, the raw JPEG of a camera without edge compute
        return f"{self.base}/raw"

    @property
    def meta(self) -> str:  # QoS 0, JSON with the same seq, for MQTT 3.1.1 clients
        return f"{self.base}/meta"


@dataclass(frozen=True, slots=True)
class Topic:
    """The parts of a received topic: camera is empty for an edge's own; leaf is "frame", "status", "desired/model", ..."""

    site: str
    edge: str
    camera: str
    leaf: str

    @classmethod
    def parse(cls, topic: str) -> Self:
        """Parse a topic.

        Raises:
            NotADavyTopicError: it has another form, or an id in it is illegal.
        """
        match topic.split("/"):
            case ["davy", "v1", site, edge, "cam", camera, leaf]:
                found = cls(site, edge, camera, leaf)
            case ["davy", "v1", site, edge, *leaf] if leaf and leaf[0] != "cam":
                found = cls(site, edge, "", "/".join(leaf))
            case _:
                raise NotADavyTopicError(topic)
        try:
            check_id("site", found.site)
            check_id("edge", found.edge)
            if found.camera:
                check_id("camera", found.camera)
        except InvalidInputError as error:
            raise NotADavyTopicError(topic) from error
        return found

    @property
    def camera_id(self) -> CameraAddress:
        return CameraAddress(self.site, self.edge, self.camera)


def all_cameras(leaf: str, site: str = "+", edge: str = "+") -> str:
    """A filter over every camera: `all_cameras("frame")` is davy/v1/+/+/cam/+/frame."""
    return f"{ROOT}/{site}/{edge}/cam/+/{leaf}"


def all_edges(leaf: str, site: str = "+") -> str:
    """A filter over every edge: `all_edges("status")` is davy/v1/+/+/status."""
    return f"{ROOT}/{site}/+/{leaf}"


def shared(group: str, topic_filter: str) -> str:
    """A shared subscription: each message goes to one member of the group (MQTT 5, 4.8.2)."""
    return f"$share/{group}/{topic_filter}"
