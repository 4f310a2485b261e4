"""Sums the frame accounting of all services and finds unexplained frames."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from davy.domain.camera import CameraAddress
from davy.domain.drops import SINKS


@dataclass(slots=True)
class CameraAccount:
    """The frames of one camera. dropped is by "point reason"."""

    captured: int = 0
    enhanced: int = 0
    in_flight: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> int:
        """Frames dropped before enhancement; the sinks' drops are no part of the sum."""
        return sum(count for cause, count in self.dropped.items() if cause.split()[0] not in SINKS)

    @property
    def unexplained(self) -> int:
        """captured - enhanced - dropped - in flight: 0, always."""
        return self.captured - self.enhanced - self.lost - self.in_flight


def read_accounts(site: str, registries: Iterable[CollectorRegistry]) -> dict[CameraAddress, CameraAccount]:
    """Sum the accounting that these registries hold, by camera."""
    accounts: dict[CameraAddress, CameraAccount] = {}
    for registry in registries:
        for metric in registry.collect():
            for sample in metric.samples:
                if not {"edge", "camera"} <= sample.labels.keys():
                    continue
                camera = CameraAddress(site, sample.labels["edge"], sample.labels["camera"])
                account = accounts.setdefault(camera, CameraAccount())
                match sample.name:
                    case "davy_frames_captured_total":
                        account.captured += int(sample.value)
                    case "davy_frames_enhanced_total":
                        account.enhanced += int(sample.value)
                    case "davy_frames_in_flight":
                        account.in_flight += int(sample.value)
                    case "davy_frames_dropped_total":
                        account.dropped[f"{sample.labels['stage']} {sample.labels['reason']}"] += int(sample.value)
    return accounts
