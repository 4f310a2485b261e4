"""Recorded video: segments of some seconds, each a file that plays by itself."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from davy.domain.boot import BOOT_PATTERN
from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError
from davy.domain.video import Variant, VideoPacket

SEGMENT_S = 10
"""A segment ends at the first key frame after a multiple of this time, so that edge and aggregator cut at the same packets."""

SUFFIX = ".mp4"
_NAME = re.compile(rf"(\d{{1,19}})_(\d{{1,19}})_({BOOT_PATTERN})_(\d{{1,19}})_(\d{{1,19}})_([0-9a-f]{{64}})")


def slot_of(captured_ns: int) -> int:
    """Return the number of the 10 s of Unix time that a moment lies in."""
    return captured_ns // (SEGMENT_S * 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Segment:
    """One finished file of recorded video, without a gap.

    Args:
        camera: Its camera.
        variant: Which picture.
        boot_id: The run of the edge that seq counts in.
        first_seq: Of its first packet, a key frame.
        last_seq: Of its last packet.
        start_ns: Unix time in ns of its first picture.
        end_ns: Unix time in ns at which its last picture ends.
        sha256: Of the file, in hex.
        bytes: Size of the file.
        model: Id of the enhancing model; empty for a raw picture, or where only the file says it.
        strength: 0 to 1.
    """

    camera: CameraAddress
    variant: Variant
    boot_id: str
    first_seq: int
    last_seq: int
    start_ns: int
    end_ns: int
    sha256: str
    bytes: int = 0
    model: str = field(default="", compare=False)
    strength: float = field(default=0.0, compare=False)

    @property
    def folder(self) -> str:
        """The folder of its file: camera, variant and day in UTC."""
        day = datetime.fromtimestamp(self.start_ns / 1e9, UTC)
        return f"{self.camera}/{self.variant}/{day:%Y%m%d}"

    @property
    def path(self) -> str:
        """The path of its file below the folder of all recordings. It says all of the segment but model and strength."""
        name = (self.start_ns, self.end_ns, self.boot_id, self.first_seq, self.last_seq, self.sha256)
        return f"{self.folder}/{'_'.join(map(str, name))}{SUFFIX}"

    @classmethod
    def parse(cls, path: str, size: int) -> Self:
        """Read a segment from the path of its file.

        Raises:
            InvalidInputError: it is no such path.
        """
        *folders, name = path.split("/")
        found = _NAME.fullmatch(name.removesuffix(SUFFIX))
        if len(folders) != 5 or folders[3] not in ("enhanced", "raw") or found is None or not name.endswith(SUFFIX):
            raise InvalidInputError(f"{path} is no path of a recorded segment")
        start, end, boot_id, first, last, sha256 = found.groups()
        variant: Variant = "raw" if folders[3] == "raw" else "enhanced"
        camera = CameraAddress(*folders[:3])
        segment = cls(camera, variant, boot_id, int(first), int(last), int(start), int(end), sha256, size)
        segment.check()
        return segment

    def check(self) -> None:
        """Check that times and numbers can be.

        Raises:
            InvalidInputError: they cannot.
        """
        if not (0 <= self.start_ns < self.end_ns < 2**63 and 0 < self.first_seq <= self.last_seq < 2**63):
            raise InvalidInputError(f"a segment cannot begin at {self.start_ns} and end at {self.end_ns} ns")

    def covers(self, other: "Segment") -> bool:
        """Return whether every packet of another segment of the same camera and variant is in this one."""
        return self.boot_id == other.boot_id and self.first_seq <= other.first_seq and other.last_seq <= self.last_seq


def starts_segment(packet: VideoPacket, start_ns: int) -> bool:
    """Return whether a segment that began at start_ns ends before this key frame."""
    return slot_of(packet.captured_ns) != slot_of(start_ns)
