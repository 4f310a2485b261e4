"""Metrics of the training service."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class TrainerMetrics:
    """Metrics of one service, in the given registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ended = Counter("davy_training_runs", "Ended runs.", ["kind", "state"], registry=registry)
        self.resumed = Counter("davy_training_resumed", "Resumptions of runs after a kill.", registry=registry)
        self.running = Gauge("davy_training_running", "1 during a run.", registry=registry)
        self.step = Gauge("davy_training_step", "Completed steps of the present stage.", registry=registry)
        self.active = Gauge("davy_training_active", "1 if this service is active, 0 on standby.", registry=registry)
        self.triggered = Counter("davy_training_triggers", "Runs started automatically.", ["trigger"], registry=registry)
        self.drift = Gauge(
            "davy_training_drift_checks",
            "Consecutive checks with drift above the limit.",
            ["camera", "measured"],
            registry=registry,
        )
        self.embedding_drift = Gauge(
            "davy_training_embedding_drift",
            "Distance of a camera's newest pictures from the reference: 0 is ordinary, 1 a clear change.",
            ["camera"],
            registry=registry,
        )
