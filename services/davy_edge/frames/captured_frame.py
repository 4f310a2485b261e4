"""A frame between camera and encoder."""

from dataclasses import dataclass

from davy.domain.age import Age
from davy.domain.frame import Frame


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A captured frame.

    Args:
        seq: 1, 2, 3, ... per camera and boot.
        age: Runs from the moment of capture.
    """

    frame: Frame
    seq: int
    age: Age

    @classmethod
    def take(cls, frame: Frame, seq: int) -> "CapturedFrame":
        """Wrap a frame that its source has just returned."""
        return cls(frame, seq, Age.since(frame.captured_ns))
