"""The age of a frame."""

import math
import time
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Age:
    """The age of a frame. It runs on the monotonic clock: a step of the wall clock makes no frame old.

    Args:
        known_s: Age at one moment, in s, at least 0.
        known_at_s: That moment on the monotonic clock; now where absent.
        limit_s: A frame is useless beyond this age, in s.
    """

    known_s: float = 0.0
    known_at_s: float = field(default_factory=time.monotonic)
    limit_s: float = math.inf

    @classmethod
    def since(cls, captured_ns: int) -> "Age":
        """The age of a frame that this machine captured at captured_ns, Unix time in ns."""
        return cls(max(0.0, (time.time_ns() - captured_ns) / 1e9))

    def seconds(self, now_s: float | None = None) -> float:
        """Return the age in s, now or at another moment of the monotonic clock."""
        return self.known_s + max(0.0, (time.monotonic() if now_s is None else now_s) - self.known_at_s)

    def limited(self, limit_s: float) -> "Age":
        """Return the same age with a limit."""
        return replace(self, limit_s=limit_s)

    @property
    def expired(self) -> bool:
        """Whether the age exceeds its limit."""
        return self.seconds() > self.limit_s
