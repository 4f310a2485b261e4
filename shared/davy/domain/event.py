"""Events of an edge or the aggregator, and queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was found in a picture: a box as shares of its width and height, 0 to 1, from the upper left corner.

    Args:
        label: What it is, such as "person".
        score: Confidence, 0 to 1; 0 where there is none.
    """

    x: float
    y: float
    width: float
    height: float
    label: str = ""
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event; (site, edge, boot_id, seq) identifies it permanently.

    Args:
        camera: "edge.camera", or empty where the event is about the edge itself.
        occurred_ns: Unix time in ns, on the reporter's clock.
        severity: 1 info, 2 warning, 3 alarm, as in ingest.proto.
        keyframe: A JPEG, or empty. Empty in what a query returns: ask `EventStore.keyframe`.
        id: Its place in the archive, 0 before it is stored; also the cursor of a query.
        marks: What was found in the keyframe.
    """

    site: str
    edge: str
    boot_id: str
    seq: int
    camera: str
    occurred_ns: int
    severity: int
    kind: str
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)
    keyframe: bytes = field(default=b"", repr=False)
    received_ns: int = 0
    id: int = 0
    has_keyframe: bool = False
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events: since (inclusive) and until (exclusive) by time of occurrence; severity and above.

    before and after are ids: newest first below `before`, or, where `after` is given, oldest first above it. text is found in
    messages and kinds, in upper or lower case; exclude names kinds to leave out.
    """

    since_ns: int | None = None
    until_ns: int | None = None
    camera: str | None = None
    edge: str | None = None
    kind: str | None = None
    severity: int = 0
    text: str | None = None
    exclude: tuple[str, ...] = ()
    before: int | None = None
    after: int | None = None
    limit: int = 100
