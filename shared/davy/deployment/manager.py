"""The enhancer of an edge or of a member of the pool."""

from collections.abc import Callable
from pathlib import Path

from davy.deployment.active_model import ActiveModel
from davy.deployment.metrics import ModelMetrics
from davy.deployment.package_manager import PackageManager
from davy.domain.topics import EdgeTopics
from davy.imaging.runtime import StillEnhancer
from davy.models import Package
from davy.twin.payload import RecordEvent


class ModelManager(PackageManager[StillEnhancer]):
    """Reconciles the enhancer of one device; see PackageManager. threads: threads of one network."""

    active_model: ActiveModel

    def __init__(
        self,
        topics: EdgeTopics,
        boot_id: str,
        folder: Path,
        trust: Path,
        installed: StillEnhancer,
        threads: int,
        metrics: ModelMetrics,
        record_event: RecordEvent,
        on_swap: Callable[[], None] = lambda: None,
    ) -> None:
        self._threads = threads
        super().__init__(topics, boot_id, folder, trust, installed, metrics, record_event, on_swap)

    def swappable(self, model: StillEnhancer) -> ActiveModel:
        """What the pipelines read before every frame."""
        self.active_model = ActiveModel(model)
        return self.active_model

    def open_model(self, package: Package) -> StillEnhancer:
        """Build the enhancer and run its golden vectors."""
        return package.load(self._threads)

    def frame_id(self, model: StillEnhancer) -> str:
        """The id that its frames carry."""
        return model.model
