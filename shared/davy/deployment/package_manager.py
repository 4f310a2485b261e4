"""The model payload on a device: download, verification, shadow, swap, probation. See davy.twin.reconciler."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from davy.atomic import failpoint
from davy.deployment.comparison import Swappable
from davy.deployment.fetch import PackageSource, fetch
from davy.deployment.metrics import ModelMetrics
from davy.deployment.model_folder import ModelFolder, ModelPointer
from davy.deployment.shadow import probation, shadow
from davy.domain.errors import ConfigError, ModelRefusedError, UnknownModelError
from davy.domain.ports import Bus
from davy.domain.topics import MODEL, EdgeTopics
from davy.models import Package
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.twin.model import DesiredModel, Evaluation, ModelState, ReportedModel
from davy.twin.payload import Lifecycle, RecordEvent
from davy.twin.protocol import INFO
from davy.twin.reconciler import MAX_ATTEMPTS, Reconciler
from davy.twin.state_file import StateFile

log = get_logger(__name__)

TRUST_EVERY_S = 5.0
SWAPPED_WITHIN_S = 1.0  # every camera has a frame with the new model by then


M = TypeVar("M")


class PackageManager(Reconciler[DesiredModel, ModelPointer, M]):
    """Reconciles the model of one device; `running` is the active model. A kind of model is a subclass.

    Args:
        folder: Folder of the pointer and the packages.
        trust: Key set that authorizes models.
        installed: Model that runs without a rolled-out one, or if none loads.
        on_swap: Called after each swap.
    """

    name, initial = MODEL, ""
    desired_type, reported_type = DesiredModel, ReportedModel
    causes: ClassVar = {UnknownModelError: "unknown-model", ConfigError: "trust"}
    lifecycle = Lifecycle(
        applied=ModelState.PROBATION,
        confirmed=ModelState.ACTIVE,
        refused=ModelState.FAILED,
        reverted=ModelState.ROLLED_BACK,
        revert_superseded=True,
    )

    def __init__(
        self,
        topics: EdgeTopics,
        boot_id: str,
        folder: Path,
        trust: Path,
        installed: M,
        metrics: ModelMetrics,
        record_event: RecordEvent,
        on_swap: Callable[[], None] = lambda: None,
    ) -> None:
        self._folder, self._installed, self._on_swap = ModelFolder(folder, trust), installed, on_swap
        self._trust_read_ns = self._folder.trust_changed_ns()
        super().__init__(topics, boot_id, StateFile(folder, ModelPointer()), metrics, record_event)
        self.active = self.swappable(self.running)

    @abstractmethod
    def swappable(self, model: M) -> Swappable[M]:
        """What runs this model first. Called once."""

    @abstractmethod
    def open_model(self, package: Package) -> M:
        """Build a verified package's model and run its golden vectors. Blocks; raises ModelRefusedError."""

    @abstractmethod
    def frame_id(self, model: M) -> str:
        """The id that people read."""

    async def run(self, bus: Bus, client: PackageSource) -> None:  # type: ignore[override]  # packages come from the client
        """Reconcile until cancelled."""
        self._client = client
        interrupted, state = self.pointer.desired, self.pointer.state
        if interrupted is not None and not state.final and state is not ModelState.PROBATION:
            self.accept(interrupted)  # no broker is needed to continue
        await until_first_ends("models", reconcile=super().run(bus), trust=self._watch_trust())

    def load(self, active: str) -> M:
        """Load an admitted model, or the installed one."""
        return self.open_model(self._folder.open(active)) if active else self._installed

    async def prepare(self, desired: DesiredModel) -> M:
        """Download, verify and load a model, and compare it in shadow with the active one."""
        if desired.model == self.pointer.active:
            return self.running
        attempts = self.pointer.attempts if self.pointer.epoch == desired.epoch else 0
        begun: dict[str, Any] = {"epoch": desired.epoch, "target": desired.model, "desired": desired, "attempts": attempts}
        await self.persist(**begun, cause="", reason="", figures={}, state=ModelState.DOWNLOADING)
        package = await self._get(desired)
        if attempts >= MAX_ATTEMPTS:
            raise ModelRefusedError("crashed", f"the edge terminated {attempts} times during the evaluation")
        await self.persist(state=ModelState.VERIFYING, attempts=attempts + 1)
        failpoint("model.verifying")
        model = await asyncio.to_thread(self.open_model, package) if package else self._installed
        if desired.trial.shadow_frames:
            await self.persist(state=ModelState.SHADOW)
            failpoint("model.shadow")
            figures = await shadow(self.active, model, desired.trial, self.report_progress)
            await self.persist(figures=figures)
        return model

    async def apply(self, loaded: M, desired: DesiredModel | None) -> None:
        """Process the next frame of every camera with the model."""
        self.active.swap(loaded)
        self._on_swap()
        log.info("model.swapped", model=desired.model[:12] if desired else "", frame_id=self.frame_id(loaded))

    def pointer_fields(self, desired: DesiredModel | None, loaded: M) -> Mapping[str, object]:  # noqa: ARG002
        """Name the model; without a probation, the one before is no longer needed."""
        if desired is None:
            return {}
        return {"active": desired.model} | ({} if desired.trial.probation_s else {"previous": self.initial})

    def facts(self) -> Mapping[str, object]:
        """Return the running model and the id that people read."""
        return {"model": self.pointer.active, "frame_id": self.frame_id(self.running)}

    async def confirm(self) -> Mapping[str, float]:
        """Compare the model with the previous one for the time of its probation."""
        failpoint("model.probation")
        evaluation = self.pointer.desired.trial if self.pointer.desired else Evaluation()
        if not evaluation.probation_s:
            return {}
        _, previous = await asyncio.to_thread(self._load_previous)
        await asyncio.sleep(min(SWAPPED_WITHIN_S, evaluation.probation_s))
        lost = float(self.active.max_frames_lost)
        return {"frames-lost": lost} | await probation(self.active, previous, evaluation, self.report_progress)

    async def settled(self) -> None:
        """Record the active model and remove the packages of others."""
        pointer = self.pointer
        if pointer.state is ModelState.ACTIVE:
            self._record_event(
                "model-active", f"model {pointer.active[:12] or 'as installed'} is active", INFO, figures=pointer.figures
            )
        await asyncio.to_thread(self._folder.remove_all_but, pointer.active, pointer.previous)

    async def _get(self, desired: DesiredModel) -> Package | None:
        """Return the package, from disk if present; None for the installed model."""
        if not desired.model:
            return None
        if await asyncio.to_thread(self._folder.has, desired.model):
            with suppress(ModelRefusedError):  # damaged on disk: download it again
                return await asyncio.to_thread(self._folder.open, desired.model)
        await fetch(self._folder, self._client, desired, self.report_progress)
        failpoint("model.downloaded")
        newest = self.pointer.newest
        package = await asyncio.to_thread(self._folder.admit, desired, newest)
        created = package.manifest.created
        await self.persist(newest=max(created, newest) if newest else created)
        return package

    async def _watch_trust(self) -> None:
        """Revert an active model whose key is revoked."""
        while True:
            await asyncio.sleep(TRUST_EVERY_S)
            changed_ns = await asyncio.to_thread(self._folder.trust_changed_ns)
            if changed_ns == self._trust_read_ns or not self.pointer.active:
                continue
            self._trust_read_ns = changed_ns
            try:
                await asyncio.to_thread(self._folder.open, self.pointer.active)
            except (ModelRefusedError, ConfigError) as error:
                await self.revert(self.refusal(error))
