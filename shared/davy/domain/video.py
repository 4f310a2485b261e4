"""Video of a camera: H.264 access units, beside the JPEG pictures of `davy.domain.frame`."""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from davy.domain.age import Age
from davy.domain.camera import CameraAddress

Variant = Literal["enhanced", "raw"]
"""Which picture of a camera: after enhancement, or before."""

VARIANTS: Final[tuple[Variant, ...]] = get_args(Variant)

Feed = tuple[CameraAddress, Variant]
"""One of the two pictures of a camera."""

NOBODY: Final = -1.0  # fps of a demand without pictures
MAX_PACKET_BYTES = 4_000_000  # of one access unit; the key frame of a busy 8K picture


@dataclass(frozen=True, slots=True)
class VideoPacket:
    """One picture in H.264.

    There are no B-frames: packets are decoded and shown in the order of their seq. A decoder starts at a key frame and needs
    every packet after it; after a gap in seq it waits for the next key frame.

    Args:
        seq: 1, 2, 3, ... per camera, variant and boot.
        captured_ns: Unix time of capture in ns, on the edge's clock: the time of presentation.
        key: Whether decoding can start here.
        data: One access unit as an Annex B byte stream (ITU-T H.264, annex B); a key frame begins with its parameter sets.
        width: In pixels, even.
        height: In pixels, even.
        model: Id of the enhancing model, empty for a raw picture.
        strength: 0 (identity) to 1; 0 for a raw picture.
        age: As this process knows it; never on a wire.
    """

    camera: CameraAddress
    variant: Variant
    boot_id: str
    seq: int
    captured_ns: int
    key: bool
    width: int
    height: int
    data: bytes = field(repr=False)
    model: str = ""
    strength: float = 0.0
    enhanced_ns: int = 0
    age: Age = field(default_factory=Age, repr=False, compare=False)

    def follows(self, previous: "VideoPacket") -> bool:
        """Return whether a decoder that has taken `previous` can take this packet next, without a key frame."""
        return self.boot_id == previous.boot_id and self.seq == previous.seq + 1


@dataclass(frozen=True, slots=True)
class Demand:
    """What an aggregator wants of a camera at present.

    Args:
        fps: JPEG pictures per second; 0 means every frame, NOBODY none.
        raw: Whether JPEG pictures come with the raw picture of the same instant.
        video: The variants whose packets are wanted.
    """

    fps: float = 0.0
    raw: bool = True
    video: frozenset[Variant] = frozenset()
