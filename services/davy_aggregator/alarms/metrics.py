"""Metrics of alarms."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from davy.domain.alarms import Alarm, AlarmState


class AlarmMetrics:
    """Counters and gauges of alarms."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.alarms = Gauge("davy_alarms", "Alarms by state.", ("state",), registry=registry)
        self.transitions = Counter(
            "davy_alarm_transitions_total", "Changes of alarms.", ("kind", "transition"), registry=registry
        )
        self.refused = Counter("davy_alarms_refused_total", "Alarms refused because there were too many.", registry=registry)
        self.notices = Counter(
            "davy_alarm_notices_total", "Messages of escalation, by target and result.", ("target", "result"), registry=registry
        )

    def show(self, alarms: Iterable[Alarm]) -> None:
        """Count alarms by state."""
        counts = Tally(alarm.state for alarm in alarms)
        for state in AlarmState:
            self.alarms.labels(state.value).set(counts[state])
