"""What the training service counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class TrainerMetrics:
    """Metrics of one service, in the registry that is passed in."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ended = Counter("davy_training_runs", "Runs that have ended.", ["kind", "state"], registry=registry)
        self.resumed = Counter("davy_training_resumed", "Runs that were killed and begun again.", registry=registry)
        self.running = Gauge("davy_training_running", "1 while a run goes on.", registry=registry)
        self.step = Gauge("davy_training_step", "Steps done of the stage that runs.", registry=registry)
        self.active = Gauge("davy_training_active", "1 where this service does the work, 0 in reserve.", registry=registry)
        self.asked = Counter("davy_training_triggers", "Runs begun by themselves.", ["by"], registry=registry)
        self.drift = Gauge(
            "davy_training_drift_looks", "Looks in a row that found drift.", ["camera", "measured"], registry=registry
        )
        self.embedding_drift = Gauge(
            "davy_training_embedding_drift",
            "Distance of a camera's newest pictures from the usual ones: 0 is ordinary, 1 a clear change.",
            ["camera"],
            registry=registry,
        )
