"""Samples: raw keyframes for training, their use, and queries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Use(StrEnum):
    """Use of a sample."""

    TRAIN = "train"
    VALIDATION = "validation"  # pinned: excluded from training and eviction
    EXCLUDED = "excluded"  # kept to reject similar pictures


class Outcome(StrEnum):
    """Result of sending a sample."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # the store has this sample
    SIMILAR = "similar"  # the store has a similar picture


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A raw picture and its origin; (site, edge, boot_id, seq) identifies it permanently.

    Args:
        camera: "edge.camera".
        captured_ns: Unix time in ns, on the edge's clock.
        mean: Of luma, in [0, 255].
        dhash: 8 bytes: on a picture of 9 x 8 pixels, whether each is brighter than its left neighbour.
        jpeg: Empty in what a query returns: ask `SampleStore.picture`.
        size: Of jpeg, bytes; filled in by the store, like id and received_ns.
    """

    site: str
    edge: str
    boot_id: str
    seq: int
    camera: str
    captured_ns: int
    reason: str
    width: int
    height: int
    mean: float
    dhash: bytes
    model: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    jpeg: bytes = field(default=b"", repr=False)
    use: Use = Use.TRAIN
    received_ns: int = 0
    size: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class SampleQuery:
    """Which samples: newest first below id `before`, or, where `after` is given, oldest first above it."""

    camera: str | None = None
    edge: str | None = None
    reason: str | None = None
    model: str | None = None
    use: Use | None = None
    before: int | None = None
    after: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Tally:
    """Number and bytes of a camera's samples for one use."""

    camera: str
    use: Use
    count: int
    size: int


def hash_distance(one: bytes, other: bytes) -> int:
    """Hamming distance of two hashes of equal length, in bits."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()
