"""How old a frame of another machine's clock is, without trusting that clock."""

from collections import deque

WINDOW = 100  # frames; ten seconds at 10 fps, after which a stepped clock is believed again


class AgeEstimate:
    """The age beyond the quickest of the last frames: a clock that is wrong by an hour makes no frame old."""

    def __init__(self) -> None:
        self._boot_id = ""
        self._delays_ns: deque[int] = deque(maxlen=WINDOW)

    def age_s(self, boot_id: str, captured_ns: int, received_ns: int) -> float:
        """Seconds, at least 0.

        Args:
            boot_id: a new one forgets what was learned.
            captured_ns: on the edge's clock.
            received_ns: on this machine's clock.
        """
        if boot_id != self._boot_id:
            self._boot_id = boot_id
            self._delays_ns.clear()
        delay_ns = received_ns - captured_ns
        self._delays_ns.append(delay_ns)
        return (delay_ns - min(self._delays_ns)) / 1e9
