"""A frame on its way through the edge, and how old it is."""

import time
from dataclasses import dataclass

from davy.domain.frame import EncodedFrame, Frame


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A captured frame. Its age runs on the monotonic clock: a step of the wall clock makes no frame old.

    Args:
        seq: 1, 2, 3, ... per camera and boot.
        age_at_s: Age when it came out of its source, on the wall clock, at least 0.
        taken_s: time.monotonic() then.
    """

    frame: Frame
    seq: int
    age_at_s: float
    taken_s: float

    @classmethod
    def take(cls, frame: Frame, seq: int) -> "CapturedFrame":
        return cls(frame, seq, max(0.0, (time.time_ns() - frame.captured_ns) / 1e9), time.monotonic())

    @property
    def age_s(self) -> float:
        return self.age_at_s + time.monotonic() - self.taken_s


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An encoded frame for the sinks; it no longer holds the pixels."""

    frame: EncodedFrame
    age_at_s: float
    taken_s: float
    max_age_s: float

    @property
    def age_s(self) -> float:
        return self.age_at_s + time.monotonic() - self.taken_s

    @property
    def too_old(self) -> bool:
        return self.age_s > self.max_age_s
