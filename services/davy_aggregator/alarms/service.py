"""The alarms of one site. Components report conditions; people acknowledge and shelve; the store keeps every change."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from davy.access.journal import note_change
from davy.access.principal import acting
from davy.adapters.storage.alarm_store import AlarmStore
from davy.domain import alarms as machine
from davy.domain.alarm_record import AlarmChange, AlarmQuery, AlarmUpdate, Notice
from davy.domain.alarm_rules import AlarmRule
from davy.domain.alarm_targets import AlarmRules
from davy.domain.alarms import NS, Alarm, AlarmPoint, AlarmState, Answer, Condition, Step, Transition
from davy.domain.errors import (
    ArchiveUnavailableError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    StandbyError,
    UnavailableError,
)
from davy.domain.event import EventRecord, Mark
from davy.domain.severity import Severity
from davy.streams.lead import Lead
from davy.streams.tasks import run_to_completion
from davy.telemetry import get_logger
from davy_aggregator.alarms.escalation import due_notices
from davy_aggregator.alarms.metrics import AlarmMetrics
from davy_aggregator.alarms.rules import RuleBook
from davy_aggregator.archive import REPORTER, Archive
from davy_aggregator.replicas.operations import by_leader

log = get_logger(__name__)

MAX_POINTS = 4096  # alarms in memory: an edge can invent kinds
MAX_KINDS = 64  # of one source
FORGET_NS = 24 * 3600 * NS  # a normal alarm without a raise for so long leaves memory; its history stays
STEP_S = 0.5
OVER = "-over"  # what the kind of an event at the end of a condition ends in
BOOT = "alarm-"  # begins the boot id of events that belong to an alarm


@dataclass(frozen=True, slots=True)
class Evidence:
    """The picture of a condition, and the text of its end."""

    picture: bytes = b""
    marks: tuple[Mark, ...] = ()
    over: str = ""


class UnknownAlarmError(NotFoundError):
    def __init__(self, alarm: str) -> None:
        super().__init__(f"there is no alarm {alarm!r}")
        self.alarm = alarm


class AlarmService:
    """Decides the state of every alarm. Used on the event loop.

    Args:
        site: Id of the site.
        archive: Stores events; an alarm and its event are one transaction.
        store: Alarms and their history.
        rules: The rules in force.
        metrics: Of alarms.
        clock: Unix time in ns.
        zone: Time zone of the times in notices.
    """

    def __init__(
        self,
        site: str,
        archive: Archive,
        store: AlarmStore,
        rules: RuleBook,
        metrics: AlarmMetrics,
        clock: Callable[[], int] = time.time_ns,
        zone: tzinfo = UTC,
    ) -> None:
        self._zone = zone
        self.site, self._archive, self.store, self.rules = site, archive, store, rules
        self._metrics, self._clock = metrics, clock
        self.lead = Lead()
        self._alarms: dict[str, Alarm] = {}
        self._evidence: dict[str, Evidence] = {}
        self._unsaved: dict[str, AlarmUpdate] = {}  # while the disk fails
        self._deciding = asyncio.Lock()
        self._versions: dict[str, int] = {}
        self._version = 0
        self._changed = asyncio.Event()
        self._boot_id, self._seq = f"{BOOT}{uuid.uuid4().hex[:12]}", 0
        archive.boot_ids.add(self._boot_id)

    async def load(self) -> None:
        """Read the stored alarms; raises ArchiveUnavailableError."""
        found = await asyncio.to_thread(self.store.load)
        self._alarms = {alarm.point.id: alarm for alarm in found}
        self._touch(*self._alarms)

    @property
    def leads(self) -> bool:
        """Whether this process decides: unless another one is known to."""
        try:
            self.lead.check()
        except StandbyError:
            return False
        return True

    async def take_over(self) -> None:
        """Decide from now on: read what the leader before stored, and announce it all."""
        await self.refresh()
        self._touch(*self._alarms)

    async def refresh(self) -> None:
        """Read again what another process may have stored; raises ArchiveUnavailableError."""
        async with self._deciding:
            before = self._alarms
            self._unsaved.clear()  # of a process that led: the conditions that still hold are reported again
            found = await asyncio.to_thread(self.store.load)
            self._alarms = {alarm.point.id: alarm for alarm in found}
            self._touch(*(name for name, alarm in self._alarms.items() if alarm != before.get(name)))
            await asyncio.to_thread(self.rules.reload)

    # --- reading ---

    def all(self) -> list[Alarm]:
        """Alarms that are not normal: unanswered ones first, then by severity, then the newest."""
        return sorted((each for each in self._alarms.values() if each.state is not AlarmState.NORMAL), key=_order)

    def get(self, alarm_id: str) -> Alarm:
        """Return an alarm; raises UnknownAlarmError, InvalidIdError."""
        AlarmPoint.parse(alarm_id)
        if alarm_id not in self._alarms:
            raise UnknownAlarmError(alarm_id)
        return self._alarms[alarm_id]

    def counts(self) -> dict[str, int]:
        """Number of alarms by state, but normal ones."""
        return dict(Counter(each.state.value for each in self._alarms.values() if each.state is not AlarmState.NORMAL))

    async def history(self, query: AlarmQuery) -> list[AlarmChange]:
        """Find rows of the history."""
        return await asyncio.to_thread(self.store.history, query)

    async def notices(self, limit: int) -> list[Notice]:
        """Return the newest messages of escalation."""
        return await asyncio.to_thread(self.store.notices, limit)

    async def watch(self) -> AsyncGenerator[list[Alarm], None]:
        """Yield every alarm that is not normal, then those that changed. A slow reader gets the newest state of each once."""
        position, found = self._version, self.all()
        while True:
            yield found
            while position == self._version:
                await self._changed.wait()
            newest = self._version
            found = [self._alarms[name] for name, version in self._versions.items() if version > position]
            position = newest

    # --- conditions ---

    async def report(
        self,
        point: AlarmPoint,
        active: bool,
        message: str = "",
        *,
        severity: Severity | None = None,
        figures: Mapping[str, float] | None = None,
        picture: bytes = b"",
        marks: Sequence[Mark] = (),
        over: str = "",
        suppressed: bool = False,
    ) -> None:
        """Report whether a condition holds. Call it as often as it is evaluated: the same report again stores nothing.

        A replica that stands by reports to the leader.

        Args:
            point: What the alarm is about.
            active: Whether the condition holds.
            message: One sentence about it; empty for the title of the rule.
            severity: In place of the rule's.
            figures: Values for the event.
            picture: JPEG, stored with the event of the raise.
            marks: What was found in the picture.
            over: Text of the event at the end of the condition.
            suppressed: Another alarm explains this one.
        """
        if not self.leads and not self.lead.can_ask:
            return
        before = self._alarms.get(point.id)
        if _is_known(before, active, suppressed, self.rules.rule(point)):
            return
        condition = Condition(active, message, severity, figures or {}, suppressed)
        try:
            await self.decide_condition(point, condition, picture, tuple(marks), over)
        except UnavailableError as error:  # it is reported again as long as it holds
            log.warning("alarm.unreported", alarm=point.id, error=str(error))

    @by_leader
    async def decide_condition(
        self, point: AlarmPoint, condition: Condition, picture: bytes, marks: tuple[Mark, ...], over: str
    ) -> None:
        """Decide on a reported condition; see `report`."""
        if _is_known(self._alarms.get(point.id), condition.holds, condition.suppressed, self.rules.rule(point)):
            return
        if condition.holds or over:
            self._evidence[point.id] = Evidence(picture, marks, over)
        async with self._deciding:
            await self._apply(point, lambda alarm, rule, now: machine.report(alarm, rule, condition, now))

    async def apply_events(self, conditions: Sequence[tuple[AlarmPoint, Condition, int]], position: int) -> None:
        """Apply conditions that events tell, and note that events up to position are applied: once, over any crash.

        Args:
            conditions: Points, conditions, and ids of the events with their pictures, 0 for none.
            position: Id of the newest event.

        Raises:
            ArchiveUnavailableError: Nothing is applied.
        """
        async with self._deciding:
            now_ns = self._clock()
            updates: dict[str, AlarmUpdate] = {}
            for point, condition, event in conditions:
                before = updates[point.id].alarm if point.id in updates else self._known(point)
                if before is None:
                    continue
                step = machine.report(before, self.rules.rule(point), condition, now_ns)
                raised = any(each.transition is Transition.RAISED for each in step.changes)
                alarm = replace(step.alarm, event=event) if raised else step.alarm
                earlier = updates[point.id].changes if point.id in updates else ()
                updates[point.id] = AlarmUpdate(alarm, (*earlier, *step.changes))
            await self._save(list(updates.values()), position)

    # --- people ---

    @staticmethod
    def who() -> str:
        """Name who answers: the authenticated name; the address of the caller of an open service, which knows no names."""
        principal = acting()
        return principal.name if principal.role is not None else principal.address or principal.name

    @by_leader
    async def acknowledge(self, alarm_id: str, who: str, words: str = "", occurrence: int = 0) -> Alarm:
        """Answer an alarm.

        Args:
            alarm_id: Its id.
            who: Authenticated name.
            words: What the person says.
            occurrence: The raise that the person has seen; 0 for any.

        Raises:
            UnknownAlarmError: There is no such alarm.
            ConflictError: Nothing stands, or it was raised again meanwhile.
            StandbyError: Another aggregator decides.
            ArchiveUnavailableError: The answer is not stored.
        """

        def act(alarm: Alarm, rule: AlarmRule, now_ns: int) -> Step:
            if occurrence and occurrence != alarm.occurrence:
                raise ConflictError(f"alarm {alarm_id} was raised again meanwhile: look at it, then answer")
            if not alarm.state.stands:
                raise ConflictError(f"alarm {alarm_id} is {alarm.state}: there is nothing to acknowledge")
            return machine.acknowledge(alarm, rule, Answer(who, words, now_ns))

        return await self._decide(alarm_id, act)

    @by_leader
    async def shelve(self, alarm_id: str, who: str, words: str, duration_s: float) -> Alarm:
        """Hide an alarm for a time; words say why. Raises InvalidInputError over shelve_max_s, else as `acknowledge`."""
        longest_s = self.rules.current.shelve_max_s
        if not 0 < duration_s <= longest_s:
            raise InvalidInputError(f"duration_s is {duration_s:g}: an alarm is shelved for at most {longest_s:g} s")
        if not words.strip():
            raise InvalidInputError("words: say why the alarm is shelved")

        def act(alarm: Alarm, rule: AlarmRule, now_ns: int) -> Step:  # noqa: ARG001  # as of _decide
            return machine.shelve(alarm, now_ns + int(duration_s * NS), Answer(who, words, now_ns))

        return await self._decide(alarm_id, act)

    @by_leader
    async def unshelve(self, alarm_id: str, who: str, words: str = "") -> Alarm:
        """Show a shelved alarm again; raises ConflictError if it is not shelved, else as `acknowledge`."""

        def act(alarm: Alarm, rule: AlarmRule, now_ns: int) -> Step:  # noqa: ARG001  # as of _decide
            if not alarm.shelved_until_ns:
                raise ConflictError(f"alarm {alarm_id} is not shelved")
            return machine.unshelve(alarm, Answer(who, words, now_ns))

        return await self._decide(alarm_id, act)

    @by_leader
    async def put_rules(self, rules: AlarmRules, who: str, why: str, expected: str = "") -> None:
        """Decide the rules; see `RuleBook.put`. Raises StandbyError if another aggregator decides."""
        self.lead.check()
        await self.rules.put(rules, who, why, expected)

    # --- time ---

    async def run(self) -> None:
        """Apply delays, the end of shelving and escalation until cancelled."""
        while True:
            if self.leads:
                with suppress(ArchiveUnavailableError, StandbyError):  # /readyz says so; the next step tries again
                    await self.step()
            await asyncio.sleep(STEP_S)

    async def step(self) -> None:
        """Apply what is due now; raises ArchiveUnavailableError."""
        async with self._deciding:
            now_ns = self._clock()
            if self._unsaved:
                await self._save([])
            for name, alarm in list(self._alarms.items()):
                rule = self.rules.rule(alarm.point)
                due = machine.due_ns(alarm, rule)
                if (due is not None and due <= now_ns) or alarm.disabled == rule.enabled:
                    await self._apply(alarm.point, machine.settle)
                    alarm = self._alarms[name]
                await self._escalate(alarm, now_ns)
            await self._forget(now_ns)
        self._metrics.show(self._alarms.values())

    async def _escalate(self, alarm: Alarm, now_ns: int) -> None:
        notices, steps = due_notices(self.site, alarm, self.rules, now_ns, self._zone)
        if steps > alarm.escalated:
            words = ", ".join(dict.fromkeys(notice.target for notice in notices))
            step = machine.escalated(alarm, steps, now_ns, words)
            await self._save([AlarmUpdate(step.alarm, step.changes, notices)])

    async def _forget(self, now_ns: int) -> None:
        old = [
            name
            for name, alarm in self._alarms.items()
            if alarm.state is AlarmState.NORMAL and not alarm.condition and alarm.raised_ns < now_ns - FORGET_NS
        ]
        if not old:
            return
        await asyncio.to_thread(self.store.forget, old)
        for name in old:
            del self._alarms[name]
            self._versions.pop(name, None)
            self._evidence.pop(name, None)

    # --- decisions ---

    async def _decide(self, alarm_id: str, act: "Act") -> Alarm:
        """Carry out what a person wants; it is on disk when this returns."""
        self.lead.check()
        async with self._deciding:
            before = self.get(alarm_id)
            rule, now_ns = self.rules.rule(before.point), self._clock()
            step = act(before, rule, now_ns)
            settled = machine.settle(step.alarm, rule, now_ns, step.changes)
            await self._save([AlarmUpdate(settled.alarm, settled.changes)])
            after = self._alarms[alarm_id]
        note_change({"state": before.state.value}, {"alarm": alarm_id, "state": after.state.value, "message": after.message})
        return after

    async def _apply(self, point: AlarmPoint, act: "Act") -> None:
        """Apply a report or the time. While the disk fails the state is kept in memory, and stored later."""
        alarm = self._known(point)
        if alarm is None:
            return
        step = act(alarm, self.rules.rule(point), self._clock())
        if not step.changes:
            self._alarms[point.id] = step.alarm
            return
        update = AlarmUpdate(step.alarm, step.changes, event=self._event(step))
        try:
            await self._save([update])
        except StandbyError:  # this process has just lost the lead: nothing changes here
            return
        except ArchiveUnavailableError as error:
            log.error("alarm.unsaved", alarm=point.id, state=step.alarm.state, error=str(error))
            self._unsaved[point.id] = self._with_unsaved(update)
            self._alarms[point.id] = step.alarm
            self._touch(point.id)

    async def _save(self, updates: Sequence[AlarmUpdate], position: int | None = None) -> None:
        """Store states and take them over; to the end, as a caller that leaves must not part memory from the store."""
        await run_to_completion(self._store(updates, position))

    async def _store(self, updates: Sequence[AlarmUpdate], position: int | None) -> None:
        named = {each.alarm.point.id for each in updates}
        late = [each for name, each in self._unsaved.items() if name not in named]
        merged = [self._with_unsaved(each) for each in updates] + late
        if not merged and position is None:
            return

        def write() -> tuple[list[EventRecord], list[Alarm]]:
            alarms, events = self.store.save(merged, position)
            return events, alarms

        _, stored = await self._archive.commit(write, [each.event for each in merged if each.event])
        self._unsaved.clear()
        for alarm, update in zip(stored, merged, strict=True):
            self._alarms[alarm.point.id] = alarm
            for change in update.changes:
                self._metrics.transitions.labels(alarm.point.kind, change.transition.value).inc()
                log.info("alarm.changed", alarm=alarm.point.id, change=change.transition.value, who=change.who)
        if stored:
            self._touch(*(alarm.point.id for alarm in stored))

    def _with_unsaved(self, update: AlarmUpdate) -> AlarmUpdate:
        earlier = self._unsaved.get(update.alarm.point.id)
        if earlier is None:
            return update
        return replace(update, changes=(*earlier.changes, *update.changes), event=update.event or earlier.event)

    def _known(self, point: AlarmPoint) -> Alarm | None:
        """Return the alarm of a point, a new one if it has none; None where there are too many."""
        if point.id in self._alarms:
            return self._alarms[point.id]
        of_source = {alarm.point.kind for alarm in self._alarms.values() if alarm.point.source == point.source}
        if len(self._alarms) >= MAX_POINTS or len(of_source) >= MAX_KINDS:
            self._metrics.refused.inc()
            log.error("alarm.refused", alarm=point.id, reason="too many alarms")
            return None
        return Alarm(point)

    def _event(self, step: Step) -> EventRecord | None:
        """The event of a raise or of its end, if the rule wants one."""
        rule, point = self.rules.rule(step.alarm.point), step.alarm.point
        transitions = {each.transition for each in step.changes}
        if not rule.records_event:
            return None
        evidence = self._evidence.get(point.id, Evidence())
        if Transition.RAISED in transitions:
            self._evidence[point.id] = Evidence(over=evidence.over)  # the picture is stored
            return self._made(point, point.kind, step.alarm.message, step.alarm.severity, step.alarm.figures, evidence)
        if transitions & {Transition.RETURNED, Transition.CLEARED} and evidence.over:
            self._evidence.pop(point.id, None)
            return self._made(point, END_KINDS.get(point.kind, f"{point.kind}{OVER}"), evidence.over, Severity.INFO)
        return None

    def _made(
        self,
        point: AlarmPoint,
        kind: str,
        message: str,
        severity: Severity,
        figures: Mapping[str, float] | None = None,
        evidence: Evidence = Evidence(),
    ) -> EventRecord:
        self._seq += 1
        return EventRecord(
            site=self.site,
            edge=REPORTER,
            boot_id=self._boot_id,
            seq=self._seq,
            camera=point.camera,
            occurred_ns=self._clock(),
            severity=severity,
            kind=kind,
            message=message,
            figures=figures or {},
            keyframe=evidence.picture,
            marks=evidence.marks,
        )

    def _touch(self, *names: str) -> None:
        self._version += 1
        self._versions |= dict.fromkeys(names, self._version)
        self._changed.set()
        self._changed = asyncio.Event()


Act = Callable[[Alarm, AlarmRule, int], Step]

END_KINDS = {"edge-offline": "edge-online", "enhancer-offline": "enhancer-online"}
"""Kinds of events at the end of a condition, where they are not KIND-over."""


def _is_known(alarm: Alarm | None, active: bool, suppressed: bool, rule: AlarmRule) -> bool:
    """Whether a report tells nothing new."""
    if alarm is None:
        return not active
    if rule.momentary and active:
        return False
    return alarm.condition == active and alarm.suppressed == suppressed and alarm.active == active


def _order(alarm: Alarm) -> tuple[bool, int, bool, int]:
    state = alarm.state
    return (not state.stands, -int(alarm.severity) if state.unanswered else 0, not state.unanswered, -alarm.raised_ns)
