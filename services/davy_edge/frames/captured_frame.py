"""A frame between camera and encoder."""

from dataclasses import dataclass

from davy.domain.age import Age
from davy.domain.frame import Frame
from davy.tracing import new_frame


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A captured frame.

    Args:
        seq: 1, 2, 3, ... per camera and boot.
        age: Runs from the moment of capture.
        traceparent: Its trace context.
    """

    frame: Frame
    seq: int
    age: Age
    traceparent: str

    @classmethod
    def take(cls, frame: Frame, seq: int) -> "CapturedFrame":
        """Wrap a frame that its source has just returned."""
        return cls(frame, seq, Age.since(frame.captured_ns), new_frame())
