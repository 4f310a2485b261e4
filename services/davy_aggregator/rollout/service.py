"""Reconciles what edges shall run with what they say they run. Every decision is on disk before an edge hears of it."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from davy.adapters.storage.model_registry import Entry
from davy.adapters.storage.rollout_store import RolloutStore
from davy.domain.errors import (
    ArchiveUnavailableError,
    BrokerUnavailableError,
    ConflictError,
    InvalidInputError,
    UnavailableError,
    UnknownModelError,
    UnknownRolloutError,
)
from davy.domain.ports import Bus, Message
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics, Topic, all_edges
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.twin.model import Desired, Target
from davy_aggregator.archive import Archive
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.rollout.plan import Member, Rollout, RolloutSpec, RolloutState, advance, assign_waves, send_back
from davy_aggregator.rollout.reported_models import Fleet

log = get_logger(__name__)

STEP_S = 0.5
RETRY_S = 1.0
REMIND_S = 30.0
INFO, WARNING, ALARM = Severity.INFO, Severity.WARNING, Severity.ALARM

Kind = TypeVar("Kind", bound=BaseModel)


class RolloutService:
    """The rollouts of one site. Used on the event loop.

    Args:
        edges: The edges that enhance, as they are known now.
    """

    def __init__(
        self,
        site: str,
        store: RolloutStore,
        shelf: ModelCatalog,
        fleet: Fleet,
        archive: Archive,
        metrics: AggregatorMetrics,
        edges: Callable[[], Sequence[str]],
    ) -> None:
        self._site, self._store, self.shelf, self.fleet, self._archive = site, store, shelf, fleet, archive
        self._metrics, self.edges = metrics, edges
        self._rollouts = {rollout.id: rollout for body in store.rollouts() if (rollout := _read(Rollout, body))}
        self._desired = {edge: desired for edge, body in store.desired().items() if (desired := _read(Desired, body))}
        self._untold: dict[str, None] = dict.fromkeys(self._desired)
        self._deciding = asyncio.Lock()
        self._to_tell, self._changed = asyncio.Event(), asyncio.Event()
        self._to_tell.set()

    @property
    def rollouts(self) -> list[Rollout]:
        """The newest first."""
        return list(reversed(self._rollouts.values()))

    @property
    def protected(self) -> list[str]:
        """The models that may not be deleted: they run, shall run, or are what an edge would go back to."""
        kept = self.fleet.running | {desired.model for desired in self._desired.values()}
        for rollout in self._rollouts.values():
            if not rollout.state.ended:
                kept |= {rollout.target.model, *(member.baseline.model for member in rollout.members.values())}
        return sorted(kept - {""})

    def get(self, rollout_id: str) -> Rollout:
        """One rollout.

        Raises:
            UnknownRolloutError: there is none of this id.
        """
        if rollout_id not in self._rollouts:
            raise UnknownRolloutError(rollout_id)
        return self._rollouts[rollout_id]

    async def create(self, spec: RolloutSpec) -> Rollout:
        """Begin a rollout; its canaries are told at once.

        Raises:
            UnknownModelError: the registry has no such model.
            ConflictError: another one goes on, or there is no such edge.
        """
        entry = await self.shelf.get(spec.model)
        await self.shelf.package(entry.id, entry.sha256)  # what cannot be read is not promised
        async with self._deciding:
            going = [rollout.id for rollout in self._rollouts.values() if not rollout.state.ended]
            if going:
                raise ConflictError(f"rollout {going[0]} goes on: wait for its end, or abort it")
            members = await self._members(spec)
            rollout = Rollout(
                id=f"{time.strftime('%Y%m%dt%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}",
                spec=spec,
                target=_target_of(entry),
                frame_id=entry.frame_id,
                created_ns=time.time_ns(),
                members=members,
            )
            await self._decide(rollout, advance(rollout, self.fleet.view, time.time_ns(), self._next_epoch()))
        said = f"model {entry.id[:12]} ({entry.frame_id}) goes to {len(members)} edges in {rollout.waves} waves"
        await self._note("rollout-started", said, INFO, {"edges": len(members)})
        return self._rollouts[rollout.id]

    async def pause(self, rollout_id: str) -> Rollout:
        """Tell no further edge; those told go on, and a fault still takes it back."""
        return await self._set_state(rollout_id, RolloutState.RUNNING, RolloutState.PAUSED)

    async def resume(self, rollout_id: str) -> Rollout:
        """Go on."""
        return await self._set_state(rollout_id, RolloutState.PAUSED, RolloutState.RUNNING)

    async def abort(self, rollout_id: str, reason: str = "aborted by an operator") -> Rollout:
        """End it; every edge that was told goes back to what it ran before.

        Raises:
            ConflictError: it has ended already.
        """
        async with self._deciding:
            before = self.get(rollout_id)
            after = send_back(before, RolloutState.ABORTED, reason, time.time_ns(), self._next_epoch())
            await self._decide(before, after)
        await self._tell_end(after)
        return after

    async def watch(self, rollout_id: str) -> AsyncGenerator[Rollout, None]:
        """The rollout now, and again when it or an edge in it says something new, until it has ended and its edges are done."""
        while True:
            changed, rollout = self._changed, self.get(rollout_id)
            yield rollout
            if rollout.state.ended and not self._unsettled(rollout):
                return
            await changed.wait()
            await asyncio.sleep(0.1)  # many edges speak at once: one answer for all of them

    async def run(self, bus: Bus) -> None:
        """Listen, decide and tell, until cancelled."""
        await until_first_ends("rollout", listen=self._listen(bus), step=self._step_on(), tell=self._tell(bus))

    def tell_all(self) -> None:
        """Publish every desired state again: the broker may have forgotten it."""
        self._untold.update(dict.fromkeys(self._desired))
        self._to_tell.set()

    async def _members(self, spec: RolloutSpec) -> dict[str, Member]:
        known = list(self.edges())
        if unknown := [edge for edge in spec.edges if edge not in known]:
            raise ConflictError(f"no edge {unknown[0]!r} that enhances; there are {', '.join(known[:8]) or 'none'}")
        chosen = list(spec.edges) or known
        if not chosen:
            raise ConflictError("no edge of this site enhances here: there is nowhere to bring a model")
        chosen.sort(key=lambda edge: not self.fleet.view(edge).online)  # whoever is there proves it to the others
        if not self.fleet.view(chosen[0]).online:
            raise ConflictError("every edge is offline: a canary must be there to prove the model")
        waves = assign_waves(chosen, spec)
        baselines = {edge: await self._baseline(edge) for edge in chosen}
        return {edge: Member(wave=waves[edge], baseline=baselines[edge]) for edge in chosen}

    async def _baseline(self, edge: str) -> Target:
        """What the edge runs, or was last told to."""
        told = self._desired.get(edge)
        running = self.fleet.reported[edge].model if edge in self.fleet.reported else (told.model if told else "")
        if told is not None and told.model == running:
            return Target(**told.model_dump(include=set(Target.model_fields)))
        try:
            return await self.shelf.target(running)
        except UnknownModelError:  # it has it on its own disk
            return Target(model=running)

    def _next_epoch(self) -> int:
        told = max((desired.epoch for desired in self._desired.values()), default=0)
        return 1 + max(told, self.fleet.newest_epoch)

    async def _set_state(self, rollout_id: str, expected: RolloutState, state: RolloutState) -> Rollout:
        async with self._deciding:
            before = self.get(rollout_id)
            if before.state is state:
                return before
            if before.state is not expected:
                raise ConflictError(f"rollout {rollout_id} is {before.state}")
            after = before.model_copy(update={"state": state})
            await self._decide(before, after)
            return after

    async def _decide(self, before: Rollout, after: Rollout) -> None:
        """Write down what was decided, then let the edges hear of it."""
        news = {}
        for edge, member in after.members.items():
            desired = after.desired(edge)
            if desired is not None and member.epoch != before.members[edge].epoch:
                news[edge] = desired
        bodies = {edge: desired.model_dump_json() for edge, desired in news.items()}
        await asyncio.to_thread(self._store.save, after.id, after.model_dump_json(), bodies)
        self._rollouts[after.id] = after
        while len(self._rollouts) > 100:
            self._rollouts.pop(next(iter(self._rollouts)))
        self._desired.update(news)
        self._untold.update(dict.fromkeys(news))
        self._to_tell.set()
        self._announce()

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _listen(self, bus: Bus) -> None:
        async for message in bus.subscribe([all_edges("reported/model", self._site)], qos=1, depth=2048):
            try:
                if self.fleet.apply(message):
                    self._announce()
                    await self._lift(Topic.parse(message.topic).edge)
            except InvalidInputError as error:
                self._metrics.refused.labels("mqtt", type(error).__name__).inc()
                log.warning("mqtt.refused", topic=message.topic, error=str(error))
            except UnavailableError as error:  # the next word of the edge brings it up again
                log.error("rollout.stuck", edge=message.topic, error=str(error))

    async def _lift(self, edge: str) -> None:
        """An edge that has seen a higher epoch than it is told takes what it is told for a replay: say it again, above that.

        So it is when this aggregator lost its memory while the edge was away.
        """
        if edge not in self._desired or self.fleet.reported[edge].epoch <= self._desired[edge].epoch:
            return
        async with self._deciding:
            told = self._desired[edge]
            before = next((each for each in self.rollouts if each.id == told.rollout), None)
            if before is None or self.fleet.reported[edge].epoch <= told.epoch:
                return
            log.warning("rollout.lifted", edge=edge, told=told.epoch, seen=self.fleet.reported[edge].epoch)
            member = before.members[edge].model_copy(update={"epoch": self._next_epoch()})
            await self._decide(before, before.model_copy(update={"members": {**before.members, edge: member}}))

    def _remind(self) -> None:
        """Tell edges again that are online and have not heard, as far as is known."""
        for edge, desired in self._desired.items():
            view = self.fleet.view(edge)
            if view.online and view.reported.epoch < desired.epoch:
                self._untold[edge] = None
        self._to_tell.set()

    async def _step_on(self) -> None:
        reminded_s = time.monotonic()
        while True:
            if time.monotonic() - reminded_s > REMIND_S:
                reminded_s = time.monotonic()
                self._remind()
            for rollout in [each for each in self._rollouts.values() if not each.state.ended]:
                try:
                    await self._step(rollout.id)
                except UnavailableError as error:  # nothing was decided; it is tried again
                    log.error("rollout.stuck", rollout=rollout.id, error=str(error))
                    await asyncio.sleep(RETRY_S)
            await asyncio.sleep(STEP_S)

    async def _step(self, rollout_id: str) -> None:
        async with self._deciding:
            before = self.get(rollout_id)
            after = advance(before, self.fleet.view, time.time_ns(), self._next_epoch())
            if after is before:
                return
            await self._decide(before, after)
        log.info("rollout.step", rollout=rollout_id, state=after.state, wave=after.wave, reason=after.reason)
        if after.state.ended:
            await self._tell_end(after)
        elif after.wave != before.wave:
            reached = sum(1 for member in after.members.values() if member.wave <= after.wave)
            await self._note("rollout-wave", f"wave {after.wave + 1} of {after.waves}: {reached} edges", INFO)

    async def _tell_end(self, rollout: Rollout) -> None:
        severity = {RolloutState.DONE: INFO, RolloutState.ABORTED: WARNING}.get(rollout.state, ALARM)
        await self._note(f"rollout-{rollout.state}", f"model {rollout.target.model[:12]}: {rollout.reason}", severity)

    async def _note(self, kind: str, message: str, severity: int, figures: dict[str, float] | None = None) -> None:
        try:
            await self._archive.report(kind, message, severity, figures=figures)
        except ArchiveUnavailableError as error:
            log.error("event.lost", kind=kind, message=message, error=str(error))

    def _unsettled(self, rollout: Rollout) -> bool:
        """Whether an edge that is online has still to answer."""
        views = {edge: self.fleet.view(edge) for edge, member in rollout.members.items() if member.epoch}
        return any(
            view.online and (view.reported.epoch < rollout.members[edge].epoch or not view.reported.state.final)
            for edge, view in views.items()
        )

    async def _tell(self, bus: Bus) -> None:
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            while self._untold:
                edge = next(iter(self._untold))
                desired = self._desired[edge]
                topic = EdgeTopics(self._site, edge).desired_model
                try:
                    await bus.publish(Message(topic, desired.to_bytes(), 1, retain=True, content_type="application/json"))
                except BrokerUnavailableError:
                    await asyncio.sleep(RETRY_S)
                    continue
                if self._desired[edge] is desired:
                    self._untold.pop(edge, None)


def _read(kind: type[Kind], body: str) -> Kind | None:
    """None for what another version of Davy wrote and this one does not understand."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        log.error("rollout.unreadable", kind=kind.__name__, error=str(error)[:300])
        return None


def _target_of(entry: Entry) -> Target:
    return Target(model=entry.id, sha256=entry.sha256, size=entry.size, key=entry.key)
