"""Frame accounting summed over all services, with the unexplained frames."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from davy.domain.camera import CameraAddress
from davy.domain.drops import SINKS


@dataclass(slots=True)
class CameraAccount:
    """Frame counters of one camera. The keys of dropped are "point reason"."""

    captured: int = 0
    enhanced: int = 0
    in_flight: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> int:
        """Return the number of frames dropped before enhancement; it excludes drops of the sinks."""
        return sum(count for cause, count in self.dropped.items() if cause.split()[0] not in SINKS)

    @property
    def unexplained(self) -> int:
        """Return captured - enhanced - dropped - in flight, which must be 0."""
        return self.captured - self.enhanced - self.lost - self.in_flight


def read_accounts(site: str, registries: Iterable[CollectorRegistry]) -> dict[CameraAddress, CameraAccount]:
    """Sum the frame accounting of all registries by camera."""
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
