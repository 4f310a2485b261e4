"""Escalation: what targets are owed when nobody answers, and its delivery, which survives restarts."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from davy.adapters.notify import Notifier, NotifyError
from davy.adapters.storage.alarm_store import AlarmStore
from davy.domain.alarm_record import Notice
from davy.domain.alarms import NS, Alarm, AlarmState
from davy.domain.errors import ArchiveUnavailableError, StandbyError
from davy.telemetry import get_logger
from davy_aggregator.alarms.metrics import AlarmMetrics
from davy_aggregator.alarms.rules import RuleBook

log = get_logger(__name__)

STEP_S = 0.5
RETRY_S = (5.0, 15.0, 60.0, 300.0)  # then the last one
CLAIM_S = 60.0  # a leader that dies while it sends a notice leaves it to the next one after this time
GIVE_UP_NS = 24 * 3600 * NS
PRUNE_EVERY_S = 60.0


def due_notices(site: str, alarm: Alarm, rules: RuleBook, now_ns: int, zone: tzinfo = UTC) -> tuple[tuple[Notice, ...], int]:
    """Return the notices that are due for an alarm, and the number of steps of escalation that are then taken.

    Args:
        site: Id of the site.
        alarm: The alarm.
        rules: In force.
        now_ns: Unix time.
        zone: Time zone of the times in the notices.
    """
    steps = rules.current.escalation
    if alarm.state is not AlarmState.UNACKNOWLEDGED or alarm.escalated >= len(steps):
        return (), alarm.escalated
    waited_s = (now_ns - alarm.unanswered_ns) / NS
    taken = alarm.escalated
    targets: list[str] = []
    for step in sorted(steps, key=lambda each: each.after_s)[alarm.escalated :]:
        if waited_s < step.after_s:
            break
        taken += 1
        if alarm.severity >= step.level:
            targets += step.to
    body = _body(site, alarm, rules, waited_s, zone)
    notices = [Notice(each, alarm.point.id, alarm.occurrence, body, now_ns, now_ns) for each in dict.fromkeys(targets)]
    return tuple(notices), taken


def _body(site: str, alarm: Alarm, rules: RuleBook, waited_s: float, zone: tzinfo) -> dict[str, object]:
    rule = rules.rule(alarm.point)
    return {
        "site": site,
        "alarm": alarm.point.id,
        "kind": alarm.point.kind,
        "source": alarm.point.source,
        "severity": alarm.severity.label,
        "title": rule.title or alarm.point.kind,
        "message": alarm.message,
        "consequence": rule.consequence,
        "response": rule.response,
        "raised_at": datetime.fromtimestamp(alarm.raised_ns / NS, zone).isoformat(timespec="seconds"),
        "unanswered_s": round(waited_s),
    }


class Deliveries:
    """Sends what targets are owed. Notices that wait for one target go together, so that a flood is one message.

    Args:
        store: Keeps the notices.
        notifiers: Senders by the name of their target.
        every_s: Minimum seconds between two messages, by target.
        metrics: Of alarms.
        clock: Unix time in ns.
        leads: Returns whether this process decides: only the leader sends.
    """

    def __init__(
        self,
        store: AlarmStore,
        notifiers: Mapping[str, Notifier],
        every_s: Mapping[str, float],
        metrics: AlarmMetrics,
        clock: Callable[[], int] = time.time_ns,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store, self._notifiers, self._every_s, self._metrics = store, notifiers, every_s, metrics
        self._leads, self._clock = leads, clock
        self._sent_s: dict[str, float] = {}
        self._pruned_s = 0.0
        self.errors: dict[str, str] = {}

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                if self._leads():
                    await self.step()
            except (ArchiveUnavailableError, StandbyError) as error:
                log.warning("alarms.notices_unreadable", error=str(error))
            await asyncio.sleep(STEP_S)

    async def step(self) -> None:
        """Deliver what is due; raises ArchiveUnavailableError."""
        by_target: dict[str, list[Notice]] = defaultdict(list)
        for notice in await asyncio.to_thread(self._store.owed, self._clock()):
            by_target[notice.target].append(notice)
        due = [(name, notices) for name, notices in by_target.items() if self._may_send(name)]
        await asyncio.gather(*(self._deliver(name, notices) for name, notices in due))
        if time.monotonic() - self._pruned_s > PRUNE_EVERY_S:
            self._pruned_s = time.monotonic()
            await asyncio.to_thread(self._store.prune)

    def _may_send(self, target: str) -> bool:
        since_s = time.monotonic() - self._sent_s.get(target, float("-inf"))
        return since_s >= self._every_s.get(target, 0.0)

    async def _deliver(self, target: str, notices: Sequence[Notice]) -> None:
        seqs, now_ns = [notice.seq for notice in notices], self._clock()
        notifier = self._notifiers.get(target)
        if notifier is None:
            await self._give_up(target, seqs, "the site's file has no such target any more")
            return
        # One replica at a time sends a notice, also after a pause of this process.
        await asyncio.to_thread(self._store.claim, seqs, now_ns + int(CLAIM_S * NS))
        try:
            await notifier.send([notice.body for notice in notices])
        except NotifyError as error:
            self.errors[target] = str(error)
            self._metrics.notices.labels(target, "failed").inc()
            log.warning("alarms.notice_failed", target=target, notices=len(seqs), error=str(error))
            attempts = min(notice.attempts for notice in notices)
            if now_ns - max(notice.made_ns for notice in notices) > GIVE_UP_NS:
                await self._give_up(target, seqs, str(error))
                return
            wait_s = RETRY_S[min(attempts, len(RETRY_S) - 1)]
            await asyncio.to_thread(self._store.failed, seqs, str(error), now_ns + int(wait_s * NS))
            return
        self._sent_s[target] = time.monotonic()
        self.errors.pop(target, None)
        self._metrics.notices.labels(target, "sent").inc()
        await asyncio.to_thread(self._store.delivered, seqs, now_ns)
        log.info("alarms.notice_sent", target=target, notices=len(seqs))

    async def _give_up(self, target: str, seqs: Sequence[int], reason: str) -> None:
        self._metrics.notices.labels(target, "given-up").inc()
        log.error("alarms.notice_given_up", target=target, notices=len(seqs), reason=reason)
        await asyncio.to_thread(self._store.delivered, seqs, self._clock(), f"given up: {reason}")
