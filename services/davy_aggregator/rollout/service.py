"""Decides the model of every edge, rollout by rollout. See davy.twin.publisher."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable

from davy.access.journal import note_change
from davy.access.principal import acting
from davy.adapters.storage.rollout_store import RolloutStore
from davy.domain.errors import ConflictError, UnavailableError, UnknownRolloutError
from davy.domain.ports import Bus
from davy.domain.topics import MODEL
from davy.models import ModelKind
from davy.site import SiteConfig
from davy.streams.lead import Lead
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.twin.model import ModelState, ReportedModel, Target
from davy.twin.protocol import ALARM, INFO, WARNING
from davy.twin.publisher import RETRY_S, Publisher, ReportEvent
from davy_aggregator.archive import REPORTER
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.replicas.operations import by_leader
from davy_aggregator.rollout.confirmation import SecondPerson
from davy_aggregator.rollout.members import choose_members
from davy_aggregator.rollout.plan import advance, all_reports_final, send_back
from davy_aggregator.rollout.rollout import (
    ANALYSERS,
    NO_REPORT,
    AnalysisDecision,
    EdgeView,
    Member,
    Rollout,
    RolloutSpec,
    RolloutState,
)
from davy_aggregator.rollout.rollout_records import RolloutRecords

log = get_logger(__name__)

STEP_S = 0.5


class RolloutService:
    """Decides the models of one site's edges and enhancers; `twin` publishes them.

    Args:
        accept_unknown: Include edges that are not in site.yaml.
        second_person: Checks who confirms a rollout; None if nobody has to.
        detects: Whether the analysis runs a detector that rollouts may swap.
        analysers: Whether analysers carry the analysis out: it is online while one of them follows rollouts.
    """

    def __init__(
        self,
        site: SiteConfig,
        store: RolloutStore,
        catalog: ModelCatalog,
        presence: PresenceTracker,
        report_event: ReportEvent,
        count_refused: Callable[[Exception], None],
        accept_unknown: bool = False,
        second_person: SecondPerson | None = None,
        detects: bool = False,
        analysers: bool = False,
    ) -> None:
        self._detectors, self._by_analysers = [REPORTER] if detects else [], analysers
        self._site, self.catalog, self._accept_unknown = site, catalog, accept_unknown
        self._second_person = second_person
        self._presence, self._changed = presence, asyncio.Event()
        self._records = RolloutRecords(store)
        self.twin = Publisher(
            MODEL,
            ReportedModel,
            self._records,
            site.site,
            self._is_online,
            report_event,
            count_refused,
            self._on_reported,
        )

    @property
    def site(self) -> str:
        """Return the id of the site."""
        return self._site.site

    @property
    def rollouts(self) -> list[Rollout]:
        """Return the rollouts, newest first."""
        return list(reversed(self._records.rollouts.values()))

    @property
    def protected(self) -> list[str]:
        """Return models that must not be deleted: running and desired ones, and baselines of running rollouts."""
        return sorted(({report.model for report in self.twin.reported.values()} | self._records.models) - {""})

    def view(self, edge: str) -> EdgeView:
        """Return the newest report of an edge, with its presence."""
        state, report = self._presence.edge(edge), self.twin.reported.get(edge, NO_REPORT)
        return EdgeView(self._is_online(edge), state.since_ns, report)

    def _is_online(self, device: str) -> bool:
        """The analysis is online as long as this process, which is where it runs, decides, or as long as analysers run it."""
        if not self.is_analysis(device):
            return self._presence.is_online(device)
        return not self._by_analysers or self.twin.reported.get(device, NO_REPORT).figures.get(ANALYSERS, 0.0) > 0

    def edges(self) -> list[str]:
        """Return the devices that run models: edges, then the enhancers of a pool that has cameras."""
        own = [edge for edge, config in self._site.edges.items() if config.enhance == "here"]
        known = {*self._site.edges, *self._site.pool, REPORTER}
        own += [edge for edge in self.twin.reported if self._accept_unknown and edge not in known]
        return own + (self._site.pool if self._site.pooled else [])

    def devices(self, kind: ModelKind) -> list[str]:
        """Return the devices that run models of a kind: the analysis of the aggregator runs detectors."""
        return self._detectors if kind is ModelKind.DETECTOR else self.edges()

    def is_analysis(self, device: str) -> bool:
        """Return whether a device is the aggregator's own analysis."""
        return device in self._detectors

    def analysis_decision(self) -> AnalysisDecision | None:
        """Return what the analysis is to run; None if nothing was ever rolled out to it."""
        desired = self._records.desired.get(REPORTER)
        if desired is None:
            return None
        rollout = self._records.rollouts.get(desired.rollout)
        if rollout is None or rollout.state.ended:
            return AnalysisDecision(desired, Target(), tries=False, starts=True)
        baseline = rollout.members[REPORTER].baseline
        return AnalysisDecision(desired, baseline, tries=True, starts=rollout.state is RolloutState.RUNNING)

    def is_enhancer(self, edge: str) -> bool:
        """Return whether a device is an enhancer of the pool."""
        return edge in self._site.pool

    def get(self, rollout_id: str) -> Rollout:
        """Return a rollout; raise UnknownRolloutError if there is none."""
        if rollout_id not in self._records.rollouts:
            raise UnknownRolloutError(rollout_id)
        return self._records.rollouts[rollout_id]

    @property
    def lead(self) -> Lead:
        """Who decides."""
        return self.twin.lead

    @lead.setter
    def lead(self, lead: Lead) -> None:
        self.twin.lead = lead

    async def take_over(self) -> None:
        """Decide from now on."""
        await self.twin.take_over()

    @by_leader
    async def create(self, spec: RolloutSpec) -> Rollout:
        """Start a rollout with its canaries; where a second person confirms rollouts, it waits for that one.

        Raises:
            UnknownModelError: the registry has no such model.
            ConflictError: another rollout is running, or an edge is unknown.
            StandbyError: another aggregator leads the site.
        """
        self.twin.lead.check()
        entry = await self.catalog.get(spec.model)
        await self.catalog.verify(entry)  # an unreadable package starts no rollout
        async with self.twin.decision():
            if running := self._records.running:
                raise ConflictError(f"rollout {running[0].id} is {running[0].state}: wait for its end or abort it")
            rollout = Rollout(
                id=f"{time.strftime('%Y%m%dt%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}",
                spec=spec,
                target=await self.catalog.target(entry.id),
                kind=entry.kind,
                frame_id=entry.frame_id,
                created_ns=time.time_ns(),
                members=await self._members(spec, entry.kind),
                state=RolloutState.UNCONFIRMED if self._second_person else RolloutState.RUNNING,
                started_by=acting().name,
            )
            await self._decide(rollout, self._advance(rollout))
        note_change(
            after={
                "rollout": rollout.id,
                "model": entry.id,
                "kind": entry.kind,
                "state": rollout.state,
                "started_by": rollout.started_by,
                "spec": spec.model_dump(mode="json"),
            }
        )
        await self._record_start(rollout)
        return self.get(rollout.id)

    @by_leader
    async def confirm(self, rollout_id: str) -> Rollout:
        """Start a rollout that waits for a second person, the caller.

        Raises:
            PermissionDeniedError: the caller started it, or is no person.
            ConflictError: it waits for nobody, or every edge is offline.
            UnknownModelError: its model was deleted meanwhile.
            StandbyError: another aggregator leads the site.
        """
        self.twin.lead.check()
        async with self.twin.decision():
            before = self.get(rollout_id)
            if before.state is not RolloutState.UNCONFIRMED:
                raise ConflictError(f"rollout {rollout_id} is {before.state} and needs no confirmation")
            if self._second_person is not None:
                await self._second_person(acting(), before)
            entry = await self.catalog.get(before.target.model)
            await self.catalog.verify(entry)  # its key may have been revoked meanwhile
            changes = {
                "state": RolloutState.RUNNING,
                "confirmed_by": acting().name,
                "target": await self.catalog.target(entry.id),
                "members": await self._members(before.spec, before.kind),
            }
            after = before.model_copy(update=changes)
            await self._decide(before, self._advance(after))
        note_change(
            {"state": before.state},
            {"state": after.state, "model": entry.id, "started_by": after.started_by, "confirmed_by": after.confirmed_by},
        )
        await self._record_start(after)
        return self.get(rollout_id)

    @by_leader
    async def pause(self, rollout_id: str) -> Rollout:
        """Pause a rollout: started edges continue, no further edge starts, and a failure still rolls back."""
        return await self._set_state(rollout_id, RolloutState.RUNNING, RolloutState.PAUSED)

    @by_leader
    async def resume(self, rollout_id: str) -> Rollout:
        """Continue a paused rollout."""
        return await self._set_state(rollout_id, RolloutState.PAUSED, RolloutState.RUNNING)

    @by_leader
    async def abort(self, rollout_id: str, reason: str = "aborted by an operator") -> Rollout:
        """Abort a rollout and return every started edge to its baseline; raise ConflictError if it has ended."""
        async with self.twin.decision():
            before = self.get(rollout_id)
            after = send_back(before, RolloutState.ABORTED, reason, time.time_ns(), self._next_epoch())
            await self._decide(before, after)
        note_change({"state": before.state}, {"state": after.state})
        await self._record_end(after)
        return after

    async def refresh(self) -> None:
        """Read again what the leader decided; raises ArchiveUnavailableError."""
        await self.twin.refresh()
        self._notify_watchers()

    async def watch(self, rollout_id: str) -> AsyncGenerator[Rollout, None]:
        """Yield the rollout at every change and report, until it has ended with the final reports of its online edges."""
        while True:
            changed, rollout = self._changed, self.get(rollout_id)
            yield rollout
            if rollout.state.ended and all_reports_final(rollout, self.view):
                return
            await changed.wait()
            await asyncio.sleep(0.1)  # many edges report at once: yield once for all of them

    async def run(self, bus: Bus) -> None:
        """Receive reports, decide and publish until cancelled."""
        await until_first_ends("rollout", publisher=self.twin.run(bus), step=self._step_loop())

    async def _on_reported(self, edge: str, before: ReportedModel | None) -> None:
        self._notify_watchers()
        report = self.twin.reported[edge]
        refused = report.state in (ModelState.FAILED, ModelState.ROLLED_BACK)
        if (
            refused
            and before is not None
            and before.state is not report.state
            and (self.is_enhancer(edge) or self.is_analysis(edge))
            and self.twin.lead.leads
        ):
            who, kind = (f"enhancer {edge}", "enhancer-model") if self.is_enhancer(edge) else ("analysis", "detector")
            message = f"{who}: model of epoch {report.epoch}: {report.state} ({report.cause}): {report.reason}"
            severity = ALARM if report.state is ModelState.ROLLED_BACK else WARNING
            await self.twin.record_event(f"{kind}-{report.state}", message, severity, report.figures)

    def _resolved(self, spec: RolloutSpec) -> RolloutSpec:
        """Name the enhancers of the pool in place of the edges whose cameras they enhance, and of the word pool."""
        pool, everyone = self._site.pool, {*self._site.pooled, "pool"}
        named = [name for edge in spec.edges for name in (pool if edge in everyone and edge not in pool else (edge,))]
        return spec.model_copy(update={"edges": tuple(dict.fromkeys(named))})

    async def _members(self, spec: RolloutSpec, kind: ModelKind) -> dict[str, Member]:
        known, desired = self.devices(kind), self._records.desired
        if kind is ModelKind.DETECTOR and known and not self._is_online(REPORTER):
            raise ConflictError("no attached analyser follows rollouts: start `davy analyser` with a writable data folder")
        return await choose_members(self._resolved(spec), known, desired, self.view, self.catalog)

    async def _record_start(self, rollout: Rollout) -> None:
        model, count = f"{rollout.kind} {rollout.target.model[:12]} ({rollout.frame_id})", len(rollout.members)
        devices = "the analysis" if rollout.kind is ModelKind.DETECTOR else f"{count} edges"
        if rollout.state is RolloutState.UNCONFIRMED:
            message = f"{rollout.started_by} wants to roll {model} out to {devices}: a second person confirms it"
            await self.twin.record_event("rollout-unconfirmed", message, WARNING, {"edges": count})
            return
        message = f"{model} rolls out to {devices} in {rollout.waves} waves"
        if rollout.confirmed_by:
            message += f"; {rollout.started_by} started it, {rollout.confirmed_by} confirmed it"
        await self.twin.record_event("rollout-started", message, INFO, {"edges": count})

    def _next_epoch(self) -> int:
        """Return an epoch above every decided and every reported one; edges report higher ones after a loss of data."""
        return 1 + max(self.twin.highest_epoch(), *map(self.twin.epoch_of, [*self.edges(), *self._detectors]), 0)

    def _advance(self, rollout: Rollout) -> Rollout:
        return advance(rollout, self.view, time.time_ns(), self._next_epoch())

    async def _set_state(self, rollout_id: str, expected: RolloutState, state: RolloutState) -> Rollout:
        async with self.twin.decision():
            before = self.get(rollout_id)
            if before.state is state:
                return before
            if before.state is not expected:
                raise ConflictError(f"rollout {rollout_id} is {before.state}")
            after = before.model_copy(update={"state": state})
            await self._decide(before, after)
        note_change({"state": before.state}, {"state": after.state})
        return after

    async def _decide(self, before: Rollout, after: Rollout) -> None:
        """Store a decision, then publish the desired models that it changes."""
        self.twin.publish(*await self._records.add(before, after))
        self._notify_watchers()

    def _notify_watchers(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _step_loop(self) -> None:
        while True:
            for rollout in self._records.running if self.twin.lead.leads else ():
                try:
                    await self._step(rollout.id)
                except UnavailableError as error:  # nothing was decided: try again
                    log.error("rollout.not_decided", rollout=rollout.id, error=str(error))
                    await asyncio.sleep(RETRY_S)
            await asyncio.sleep(STEP_S)

    async def _step(self, rollout_id: str) -> None:
        async with self.twin.decision():
            before = self.get(rollout_id)
            after = self._advance(before)
            if after is before:
                return
            await self._decide(before, after)
        log.info("rollout.step", rollout=rollout_id, state=after.state, wave=after.wave, reason=after.reason)
        if after.state.ended:
            await self._record_end(after)
        elif after.wave != before.wave:
            reached = sum(1 for member in after.members.values() if member.wave <= after.wave)
            await self.twin.record_event("rollout-wave", f"wave {after.wave + 1} of {after.waves}: {reached} edges", INFO)

    async def _record_end(self, rollout: Rollout) -> None:
        severity = {RolloutState.DONE: INFO, RolloutState.ABORTED: WARNING}.get(rollout.state, ALARM)
        await self.twin.record_event(
            f"rollout-{rollout.state}", f"model {rollout.target.model[:12]}: {rollout.reason}", severity
        )
