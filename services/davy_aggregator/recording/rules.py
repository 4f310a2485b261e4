"""What is to be recorded now, and which segments of a ring are wanted."""

import time
from collections import defaultdict
from collections.abc import Mapping

from davy.adapters.storage.recording_store import DELETED, WANTED, RecordingStore
from davy.domain.camera import CameraAddress
from davy.domain.event import EventRecord
from davy.domain.record_rule import RecordRule
from davy.domain.recording import Segment
from davy.domain.video import Variant
from davy.site import SiteConfig
from davy_aggregator.alarms.events import conditions_of

SECOND = 1_000_000_000
OFF = RecordRule()
TOUCH_NS = SECOND  # an overlap of this length is one


class RecordRules:
    """The rules of all cameras, and the intervals around motions and alarms. Use it on the event loop, but for `wants`."""

    def __init__(self, site: SiteConfig, store: RecordingStore) -> None:
        self._store = store
        self._rules: dict[CameraAddress, RecordRule] = {}
        self._until_ns: dict[CameraAddress, int] = {}
        self.version: defaultdict[CameraAddress, int] = defaultdict(int)
        """Changes with every new interval of a camera."""
        self.reconfigure(site)

    def reconfigure(self, site: SiteConfig) -> None:
        """Take other rules."""
        self._rules = {camera: site.camera(camera).record for camera in site.camera_ids()}
        for camera in self._rules:
            self.version[camera] += 1

    def rule(self, camera: CameraAddress) -> RecordRule:
        """Return the rule of a camera."""
        return self._rules.get(camera, OFF)

    def keep_until_ns(self, now_ns: int) -> Mapping[str, int]:
        """Return the time before which recordings of a camera are deleted, in ns, by its key."""
        days = {camera.key: rule.days for camera, rule in self._rules.items() if rule.days}
        return {key: now_ns - int(each * 86_400 * SECOND) for key, each in days.items()}

    def live(self, now_ns: int | None = None) -> set[tuple[CameraAddress, Variant]]:
        """Return what is to be recorded now."""
        now_ns = now_ns or time.time_ns()
        return {
            (camera, variant)
            for camera, rule in self._rules.items()
            if rule.mode == "continuous" or self._until_ns.get(camera, 0) > now_ns
            for variant in rule.recorded
        }

    def interval(self, event: EventRecord) -> tuple[CameraAddress, int, int] | None:
        """Return the interval that an event wants recorded of a camera: start and end in ns; None if it wants nothing."""
        found = next((each for each in self._rules if each.key == event.camera), None)
        rule = self._rules[found] if found else OFF
        if found is None or rule.mode not in ("motion", "alarm"):
            return None
        alarms = any(condition.holds for _, condition in conditions_of(event))
        if not alarms and not (rule.mode == "motion" and event.kind == "motion"):
            return None
        before, after = int(rule.before_s * SECOND), int(rule.after_s * SECOND)
        return found, event.occurred_ns - before, event.occurred_ns + after

    def extend(self, camera: CameraAddress, until_ns: int) -> None:
        """Record a camera live until a time in ns."""
        self._until_ns[camera] = max(until_ns, self._until_ns.get(camera, 0))
        self.version[camera] += 1

    def wants(self, segment: Segment, now_ns: int | None = None) -> bool:
        """Return whether a segment of a ring is to be recorded; reads the store, from any thread."""
        rule, key = self.rule(segment.camera), segment.camera.key
        if segment.variant not in rule.recorded:
            return False
        if rule.days and segment.end_ns < (now_ns or time.time_ns()) - rule.days * 86_400 * SECOND:
            return False
        if any(_overlap(segment, *each) for each in self._store.intervals(DELETED, key, segment.start_ns, segment.end_ns)):
            return False
        if rule.mode == "continuous":
            return True
        return bool(self._store.intervals(WANTED, key, segment.start_ns, segment.end_ns))


def _overlap(segment: Segment, start_ns: int, end_ns: int) -> bool:
    return min(segment.end_ns, end_ns) - max(segment.start_ns, start_ns) > TOUCH_NS
