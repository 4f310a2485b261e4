"""Makes an edge run what it shall run, if that is any good: desired state in, reported state out.

The order of every change: on disk first (the pointer), then on stage, then told. Whatever is killed in between, the pointer
names one model that was verified, and the next boot goes on from there.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from davy.adapters.grpc.model_client import ModelClient
from davy.atomic import failpoint
from davy.domain.errors import BrokerUnavailableError, ConfigError, InvalidInputError, ModelRefusedError, UnknownModelError
from davy.domain.ports import Bus, Message
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy.imaging.runtime import StillEnhancer
from davy.models import Package
from davy.streams.tasks import end, until_first_ends, whole
from davy.telemetry import get_logger
from davy.twin.model import Desired, EdgeState, Reported
from davy_edge.models.active_model import Stage
from davy_edge.models.fetch import fetch
from davy_edge.models.metrics import ModelMetrics, Note
from davy_edge.models.model_folder import ModelDisk, Pointer
from davy_edge.models.shadow import probation, shadow

log = get_logger(__name__)

MAX_ATTEMPTS = 3  # a model that the process dies of this often is not tried again
SAY_AGAIN_S = 60.0  # a broker without persistence, or a full queue of the aggregator's, may have lost it
TRUST_EVERY_S = 5.0
SETTLED_S = 1.0  # after a swap every camera has had a frame
INFO, WARNING, ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM

T = TypeVar("T")


class ModelManager:
    """The models of one edge. Used on its event loop.

    Args:
        installed: What runs where nothing was ever rolled out, and where nothing else is any good.
        threads: Of one network.
        note: Tells an event.
        on_swap: Called when another model is on stage.
    """

    def __init__(
        self,
        topics: EdgeTopics,
        boot_id: str,
        disk: ModelDisk,
        installed: StillEnhancer,
        threads: int,
        metrics: ModelMetrics,
        note: Note,
        on_swap: Callable[[], None] = lambda: None,
    ) -> None:
        self._topics, self._boot_id, self._disk, self._installed, self._threads = topics, boot_id, disk, installed, threads
        self._metrics, self._note, self._on_swap = metrics, note, on_swap
        self._wanted: Desired | None = None
        self._news, self._to_say = asyncio.Event(), asyncio.Event()
        self._figures: dict[str, float] = {}
        self._verified_ns = disk.trust_changed_ns()
        self.stage = Stage(self._boot())
        metrics.epoch(disk.pointer.epoch)

    @property
    def pointer(self) -> Pointer:
        return self._disk.pointer

    def reported(self) -> Message:
        """The retained message."""
        facts = {name: getattr(self.pointer, name) for name in Reported.model_fields}
        facts |= {"frame_id": self.stage.still.model, "boot_id": self._boot_id, "at_ns": time.time_ns()}
        said = Reported.model_validate(facts | {"figures": {**self.pointer.figures, **self._figures}})
        return Message(self._topics.reported_model, said.to_bytes(), qos=1, retain=True, content_type="application/json")

    async def run(self, bus: Bus, client: ModelClient) -> None:
        """Listen, do and tell, until cancelled."""
        pointer = self.pointer
        if pointer.desired is not None and not pointer.state.final:
            self._want(pointer.desired)  # it was interrupted: no broker is needed to go on
        try:
            await until_first_ends(
                f"models.{self._topics.edge}",
                listen=self._listen(bus),
                work=self._work(client),
                say=self._say_on(bus),
                again=self._say_again(),
                trust=self._watch_trust(),
            )
        except asyncio.CancelledError:
            if not self.pointer.state.final and self.pointer.attempts:
                with suppress(OSError):  # the edge is stopped: that is no fault of the model on trial
                    self._disk.point(attempts=self.pointer.attempts - 1)
            raise

    # --- what runs at boot -------------------------------------------------------------------------------------------------

    def _boot(self) -> StillEnhancer:
        """The model that the pointer names; where it is no good, the one before it; where that is none, the installed one."""
        pointer = self.pointer
        if pointer.state is EdgeState.PROBATION:
            pointer = self._boot_on_probation(pointer)
        for model in dict.fromkeys((pointer.model, pointer.previous, "")):
            try:
                still = self._load(model)
            except (ModelRefusedError, ConfigError, OSError) as error:
                self._refuse_at_boot(model, error)
                continue
            if model != self.pointer.model:
                with suppress(OSError):  # the next boot finds the same
                    self._disk.point(model=model, previous="")
            return still
        return self._installed

    def _boot_on_probation(self, pointer: Pointer) -> Pointer:
        """The process ended while a new model was watched: the third time it is taken for the model's doing."""
        changes: dict[str, Any] = {"attempts": pointer.attempts + 1}
        if pointer.attempts >= MAX_ATTEMPTS:
            reason = f"the edge ended {pointer.attempts} times while it was tried"
            changes = {"model": pointer.previous, "state": EdgeState.ROLLED_BACK, "cause": "crashed", "reason": reason}
        try:
            return self._disk.point(**changes)
        except OSError as error:
            log.error("model.pointer_not_written", error=str(error))
            self._disk.pointer = pointer.model_copy(update=changes)
            return self._disk.pointer

    def _refuse_at_boot(self, model: str, error: Exception) -> None:
        cause, reason = _cause_of(error)
        log.error("model.refused_at_boot", model=model[:12], cause=cause, error=reason)
        self._metrics.refused(cause)
        self._note("model-refused", f"model {model[:12]} no longer runs: {reason}"[:500], ALARM)
        if model == self.pointer.model:
            with suppress(OSError):
                self._disk.point(state=EdgeState.FAILED, cause=cause, reason=reason[:500], desired=None)

    def _load(self, model: str) -> StillEnhancer:
        return self._disk.open(model).load(self._threads) if model else self._installed

    # --- desired -----------------------------------------------------------------------------------------------------------

    async def _listen(self, bus: Bus) -> None:
        async for message in bus.subscribe([self._topics.desired_model], qos=1):
            try:
                desired = Desired.parse(message.payload)
            except InvalidInputError as error:
                log.warning("model.desired_unreadable", error=str(error))
                continue
            if desired.epoch < self.pointer.epoch:
                self._metrics.replayed()
                log.warning("model.replayed", epoch=desired.epoch, seen=self.pointer.epoch)
            elif desired.epoch > self.pointer.epoch:
                self._want(desired)

    def _want(self, desired: Desired) -> None:
        if self._wanted is None or desired.epoch >= self._wanted.epoch:
            self._wanted = desired
            self._news.set()

    async def _work(self, client: ModelClient) -> None:
        """One trial at a time; a newer one ends it."""
        while True:
            await self._news.wait()
            self._news.clear()
            desired, self._wanted = self._wanted, None
            if desired is None:
                continue
            trial = asyncio.create_task(self._guarded(desired, client), name=f"models.{self._topics.edge}.trial")
            news = asyncio.create_task(self._news.wait())
            try:
                await asyncio.wait({trial, news}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await end(trial, news)
            if not trial.cancelled():
                trial.result()
            elif self.pointer.state is EdgeState.PROBATION:
                await self._go_back("superseded", "something else is desired", {})  # unproven: nothing to build upon

    async def _guarded(self, desired: Desired, client: ModelClient) -> None:
        """A trial; every way in which it can fail is a state with a cause."""
        try:
            await self._try(desired, client)
        except (ModelRefusedError, UnknownModelError, ConfigError, OSError) as error:
            cause, reason = _cause_of(error)
            await self._refuse(desired, cause, reason, error.figures if isinstance(error, ModelRefusedError) else {})
        except Exception as error:  # whatever is wrong with a model, it ends nothing else
            log.exception("model.unexpected", model=desired.model[:12])
            await self._refuse(desired, "unexpected", f"{type(error).__name__}: {error}", {})

    async def _try(self, desired: Desired, client: ModelClient) -> None:
        if self.pointer.state is EdgeState.PROBATION and self.pointer.epoch == desired.epoch:
            await self._watch(desired)  # the process ended meanwhile
            return
        again = self.pointer.epoch == desired.epoch
        fresh = {"attempts": self.pointer.attempts if again else 0, "cause": "", "reason": "", "figures": {}}
        begun = {"epoch": desired.epoch, "target": desired.model, "desired": desired, **fresh}
        self._metrics.epoch(desired.epoch)
        if desired.model == self.pointer.model:
            await self._point(**begun, state=EdgeState.ACTIVE)
            return
        await self._point(**begun, state=EdgeState.DOWNLOADING)
        package = await self._get(desired, client)
        if self.pointer.attempts >= MAX_ATTEMPTS:
            raise ModelRefusedError("crashed", f"the edge ended {self.pointer.attempts} times while it was tried")
        await self._point(state=EdgeState.VERIFYING, reason="", attempts=self.pointer.attempts + 1)
        failpoint("model.verifying")
        still = await asyncio.to_thread(package.load, self._threads) if package else self._installed
        if desired.trial.shadow_frames:
            await self._point(state=EdgeState.SHADOW)
            failpoint("model.shadow")
            figures = await shadow(self.stage, still, desired.trial, self._tell)
            await self._point(figures=figures)
        await whole(self._swap(desired, still))
        await self._watch(desired)

    async def _get(self, desired: Desired, client: ModelClient) -> Package | None:
        """The package, from the disk if it is there; None for what is installed."""
        if not desired.model:
            return None
        if await asyncio.to_thread(self._disk.has, desired.model):
            with suppress(ModelRefusedError):  # it was damaged there: it comes anew
                return await asyncio.to_thread(self._disk.open, desired.model)
        await fetch(self._disk, client, desired, self._tell_waiting)
        failpoint("model.downloaded")
        package = await asyncio.to_thread(self._disk.admit, desired)
        await self._point(newest=self._disk.admitted(package))
        return package

    async def _swap(self, desired: Desired, still: StillEnhancer) -> None:
        """The new model on stage; the pointer names it from here on. The one before is the good one, but for a return."""
        good = self.pointer.model if desired.trial.probation_s else ""
        failpoint("model.swapping")
        await self._point(model=desired.model, previous=good, state=EdgeState.PROBATION)
        failpoint("model.pointed")
        self.stage.swap(still)
        self._metrics.swapped()
        self._on_swap()
        log.info("model.swapped", model=desired.model[:12], frames_carry=still.model)
        failpoint("model.swapped")

    async def _watch(self, desired: Desired) -> None:
        """Probation, then it is the good one."""
        failpoint("model.probation")
        figures: dict[str, float] = {}
        if desired.trial.probation_s:
            old = await asyncio.to_thread(self._load_previous)
            await asyncio.sleep(min(SETTLED_S, desired.trial.probation_s))
            figures["frames-lost"] = float(self.stage.most_lost)
            figures |= await probation(self.stage, old, desired.trial, self._tell)
        self._figures = {}
        await self._point(state=EdgeState.ACTIVE, figures=figures, cause="", reason="", attempts=0)
        failpoint("model.confirmed")
        await self._tidy()
        self._note("model-active", f"model {desired.model[:12] or 'as installed'} runs", INFO, figures=figures)

    def _load_previous(self) -> StillEnhancer:
        """The model that was good; the installed one where it cannot be loaded any more."""
        try:
            return self._load(self.pointer.previous)
        except (ModelRefusedError, ConfigError, OSError):
            return self._installed

    # --- what went wrong ---------------------------------------------------------------------------------------------------

    async def _refuse(self, desired: Desired, cause: str, reason: str, figures: Mapping[str, float]) -> None:
        if self.pointer.state is EdgeState.PROBATION:
            await self._go_back(cause, reason, figures)
        else:
            await self._fail(desired, cause, reason, figures)

    async def _fail(self, desired: Desired, cause: str, reason: str, figures: Mapping[str, float]) -> None:
        """It never was on stage: the old model goes on as if nothing had been."""
        self._figures = {}
        self._metrics.refused(cause)
        log.warning("model.refused", model=desired.model[:12], cause=cause, reason=reason)
        await self._point_or_remember(
            epoch=desired.epoch, target=desired.model, state=EdgeState.FAILED, cause=cause, reason=reason, figures=dict(figures)
        )
        await self._tidy()
        self._note(
            "model-refused", f"model {desired.model[:12]} was refused ({cause}): {reason}"[:500], WARNING, figures=figures
        )

    async def _go_back(self, cause: str, reason: str, figures: Mapping[str, float]) -> None:
        """The last good model on stage again; first on stage, then on disk: the picture counts."""
        bad, good = self.pointer.model, self.pointer.previous
        still = await asyncio.to_thread(self._load_previous)
        self.stage.swap(still)
        self._figures = {}
        self._metrics.refused(cause)
        self._on_swap()
        running = good if still is not self._installed or not good else ""
        await self._point_or_remember(
            model=running, state=EdgeState.ROLLED_BACK, cause=cause, reason=reason, figures=dict(figures)
        )
        said = f"model {bad[:12]} was taken back ({cause}): {reason}"[:500]
        await self._tidy()
        self._note("model-rolled-back", said, ALARM, figures=figures)
        log.warning("model.rolled_back", model=bad[:12], cause=cause, reason=reason)

    async def _tidy(self) -> None:
        await asyncio.to_thread(self._disk.forget_all_but, self.pointer.model, self.pointer.previous)

    async def _watch_trust(self) -> None:
        """A key that is revoked while its model runs stops it."""
        while True:
            await asyncio.sleep(TRUST_EVERY_S)
            changed_ns = await asyncio.to_thread(self._disk.trust_changed_ns)
            if changed_ns == self._verified_ns or not self.pointer.model:
                continue
            self._verified_ns = changed_ns
            try:
                await asyncio.to_thread(self._disk.open, self.pointer.model)
            except (ModelRefusedError, ConfigError) as error:
                cause, reason = _cause_of(error)
                await self._go_back(cause, reason, {})

    # --- told --------------------------------------------------------------------------------------------------------------

    async def _point(self, **changes: Any) -> None:  # noqa: ANN401  # fields of Pointer
        await whole(asyncio.to_thread(self._disk.point, **changes))
        self._to_say.set()

    async def _point_or_remember(self, **changes: Any) -> None:  # noqa: ANN401  # as above
        """Where the disk takes nothing, what is true is at least told; the next boot finds it out again."""
        changes["reason"] = changes["reason"][:500]
        try:
            await self._point(**changes)
        except OSError as error:
            log.error("model.pointer_not_written", error=str(error))
            self._disk.pointer = self.pointer.model_copy(update=changes)
            self._to_say.set()

    def _tell(self, figures: Mapping[str, float]) -> None:
        """Figures that are still coming in: told, not kept."""
        self._figures = {**self._figures, **figures}
        self._to_say.set()

    def _tell_waiting(self, reason: str) -> None:
        self._disk.pointer = self.pointer.model_copy(update={"reason": reason[:500]})
        self._to_say.set()

    async def _say_on(self, bus: Bus) -> None:
        while True:
            await self._to_say.wait()
            self._to_say.clear()
            try:
                await bus.publish(self.reported())
            except BrokerUnavailableError:
                continue  # it is said at the next connect

    async def _say_again(self) -> None:
        while True:
            await asyncio.sleep(SAY_AGAIN_S * random.uniform(0.5, 1.5))
            self._to_say.set()


def _cause_of(error: Exception) -> tuple[str, str]:
    match error:
        case ModelRefusedError():
            return error.cause, error.reason
        case UnknownModelError():
            return "unknown-model", str(error)
        case ConfigError():
            return "trust", str(error)
        case _:
            return "storage", str(error)
