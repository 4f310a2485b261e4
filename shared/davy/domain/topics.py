"""MQTT topics as values: `davy/v1/<site>/<edge>/...`. No other module writes or splits a topic, or spells a leaf."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from davy.domain.camera import CameraAddress, check_id
from davy.domain.errors import InvalidInputError

ROOT = "davy/v1"
CAM = "cam"  # the level before the name of a camera
ANY, ALL_BELOW = "+", "#"  # of a filter: one level, and all levels below
MODEL, CONFIG = "model", "config"  # the payloads of a twin
ONLINE, OFFLINE = b"online", b"offline"


class Leaf(StrEnum):
    """The last level of a topic of an edge or of a camera, or its last two."""

    STATUS = "status"
    INFO = "info"
    STATS = "stats"
    EVENT = "event"
    EVENT_JSON = "event/json"
    FRAME = "frame"
    RAW = "raw"
    META = "meta"
    ALARMS = "alarms"
    ESCALATION = "escalation"


AGGREGATOR = "aggregator"  # the level in place of an edge's name
ALARM = "alarm"  # the level before the id of an alarm


class Twin(StrEnum):
    """The two levels that hold a twin's state; the payload's name follows."""

    DESIRED = "desired"
    REPORTED = "reported"

    def leaf(self, payload: str) -> str:
        """The leaf of one payload: `desired/model`."""
        return f"{self}/{payload}"


def camera_leaf(leaf: str, camera: str = ANY) -> str:
    """The levels of a camera's topic below its edge: `cam/+/frame`."""
    return f"{CAM}/{camera}/{leaf}"


def alarm_leaf(alarm_id: str = ANY) -> str:
    """The levels of an alarm's topic below the aggregator: `alarm/lens-blocked:north.face`."""
    return f"{ALARM}/{alarm_id}"


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
        return f"{self.base}/{Leaf.STATUS}"

    @property
    def info(self) -> str:  # QoS 1, retained: the birth message
        return f"{self.base}/{Leaf.INFO}"

    @property
    def stats(self) -> str:  # QoS 0, JSON every 10 s
        return f"{self.base}/{Leaf.STATS}"

    @property
    def event(self) -> str:  # QoS 1, protobuf Event
        return f"{self.base}/{Leaf.EVENT}"

    @property
    def event_json(self) -> str:  # QoS 1, JSON: the same event without its picture
        return f"{self.base}/{Leaf.EVENT_JSON}"

    def desired(self, payload: str) -> str:  # QoS 1, retained, JSON davy.twin.protocol.Desired; the aggregator writes it
        return f"{self.base}/{Twin.DESIRED.leaf(payload)}"

    def reported(self, payload: str) -> str:  # QoS 1, retained, JSON davy.twin.protocol.Reported
        return f"{self.base}/{Twin.REPORTED.leaf(payload)}"

    @property
    def desired_model(self) -> str:
        return self.desired(MODEL)

    @property
    def reported_model(self) -> str:
        return self.reported(MODEL)

    @property
    def desired_config(self) -> str:
        return self.desired(CONFIG)

    @property
    def reported_config(self) -> str:
        return self.reported(CONFIG)

    def camera(self, camera: str) -> "CameraTopics":
        return CameraTopics(CameraAddress(self.site, self.edge, camera))


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """The topics of one camera."""

    id: CameraAddress

    @property
    def base(self) -> str:
        return f"{ROOT}/{self.id.site}/{self.id.edge}/{CAM}/{self.id.camera}"

    @property
    def status(self) -> str:  # QoS 1, retained, JSON {"state": online|offline|stalled|error, "reason": ...}
        return f"{self.base}/{Leaf.STATUS}"

    @property
    def frame(self) -> str:  # QoS 0, the enhanced JPEG and nothing else
        return f"{self.base}/{Leaf.FRAME}"

    @property
    def raw(self) -> str:  # QoS 0, the raw JPEG of a camera without edge compute
        return f"{self.base}/{Leaf.RAW}"

    @property
    def meta(self) -> str:  # QoS 0, JSON with the seq of a frame and its variant, enhanced or raw, for MQTT 3.1.1 clients
        return f"{self.base}/{Leaf.META}"


@dataclass(frozen=True, slots=True)
class AlarmTopics:
    """The topics of a site's alarms; alarm is the id of one, such as lens-blocked:north.face."""

    site: str
    alarm: str = ANY

    @property
    def base(self) -> str:
        return f"{ROOT}/{self.site}/{AGGREGATOR}"

    @property
    def state(self) -> str:  # QoS 1, retained, JSON: the state of one alarm, as REST has it
        return f"{self.base}/{alarm_leaf(self.alarm)}"

    @property
    def counts(self) -> str:  # QoS 1, retained, JSON: the number of alarms by state
        return f"{self.base}/{Leaf.ALARMS}"

    @property
    def escalation(self) -> str:  # QoS 1, JSON: alarms that nobody has answered for a time
        return f"{self.base}/{Leaf.ESCALATION}"


HOME_ASSISTANT_STATUS = "homeassistant/status"
"""Home Assistant's birth message and last will: online or offline."""


@dataclass(frozen=True, slots=True)
class HomeAssistantTopics:
    """The topic of a device for Home Assistant's MQTT discovery, under its default prefix.

    device is the name of an edge, "edge_camera", or "aggregator" for the site.
    """

    site: str
    device: str = ANY

    @property
    def discovery(self) -> str:  # QoS 1, retained, JSON: a device of Home Assistant, where the aggregator's setting asks for it
        return f"homeassistant/device/davy-{self.site}/{self.device}/config"


@dataclass(frozen=True, slots=True)
class Topic:
    """The parts of a received topic: camera is empty for an edge's own; leaf is a `Leaf` or one of a `Twin`."""

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
        match topic.removeprefix(f"{ROOT}/").split("/") if topic.startswith(f"{ROOT}/") else []:
            case [site, edge, level, camera, leaf] if level == CAM:
                found = cls(site, edge, camera, leaf)
            case [site, edge, *leaf] if leaf and leaf[0] != CAM:
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


def all_cameras(leaf: str, site: str = ANY, edge: str = ANY) -> str:
    """A filter over every camera: `all_cameras(Leaf.FRAME)` is davy/v1/+/+/cam/+/frame."""
    return f"{ROOT}/{site}/{edge}/{camera_leaf(leaf)}"


def all_edges(leaf: str, site: str = ANY) -> str:
    """A filter over every edge: `all_edges(Leaf.STATUS)` is davy/v1/+/+/status."""
    return f"{ROOT}/{site}/{ANY}/{leaf}"


POOL_GROUP = "enhancers"
"""The group whose members share the raw frames of the pool's cameras."""


def shared(group: str, topic_filter: str) -> str:
    """A shared subscription: each message goes to one member of the group (MQTT 5, 4.8.2)."""
    return f"$share/{group}/{topic_filter}"
