"""The load of a number of cameras, and the measured result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MIN_DELIVERED = 0.95  # fraction of the cameras' frames that arrive
MAX_AGE_MS = 500.0


@dataclass(frozen=True, slots=True)
class Load:
    """Number, picture size (width, height) and frame rate of the cameras, and the duration."""

    cameras: int
    size: tuple[int, int]
    fps: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SustainedLoad:
    """The result of a load, as measured by a subscriber on the broker.

    Attributes:
        load: The load.
        fps: Delivered frames per second, by camera.
        age_ms_p50: Median age at the slowest camera; None if a camera delivered no frame.
        age_ms_p99: 99th percentile of the age at the slowest camera; None if a camera delivered no frame.
        dropped: Number of dropped frames, by cause.
        captured: Number of captured frames.
        unexplained: Number of captured frames that neither arrived nor have a cause.
        cpu_s: CPU time of all processes during the measurement.
        span_s: Duration of the measurement.
        resident_mib: Peak resident memory of all processes.
        slope_mib_s: Growth of the resident memory.
    """

    load: Load
    fps: Sequence[float]
    age_ms_p50: float | None
    age_ms_p99: float | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    captured: int = 0
    unexplained: int = 0
    cpu_s: float = 0.0
    span_s: float = 0.0
    resident_mib: float = 0.0
    slope_mib_s: float = 0.0

    @property
    def delivered_fraction(self) -> float:
        """Delivered frames over the cameras' frames."""
        return sum(self.fps) / (self.load.cameras * self.load.fps)

    @property
    def fairness(self) -> float:
        """Frame rate of the slowest camera over that of the fastest: 1 is fair, 0 means that a camera starves."""
        return min(self.fps) / max(self.fps) if any(self.fps) else 0.0

    @property
    def is_sustained(self) -> bool:
        """Whether enough frames arrive, and in time."""
        in_time = self.age_ms_p99 is not None and self.age_ms_p99 <= MAX_AGE_MS
        return self.delivered_fraction >= MIN_DELIVERED and in_time

    @property
    def cores(self) -> float:
        """Mean number of busy processor cores."""
        return self.cpu_s / self.span_s if self.span_s else 0.0

    @property
    def cpu_s_per_camera_hour(self) -> float:
        """CPU time per camera and hour."""
        return self.cores / self.load.cameras * 3600


def saturation_point(results: Sequence[SustainedLoad]) -> int:
    """The highest sustained number of cameras below the first number that is not sustained; 0 for none."""
    highest = 0
    for result in sorted(results, key=lambda result: result.load.cameras):
        if not result.is_sustained:
            break
        highest = result.load.cameras
    return highest
