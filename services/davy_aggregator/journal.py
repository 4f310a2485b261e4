"""The audit journal of one aggregator: bounds refused attempts, signs checkpoints, raises alarms."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge

from davy.access.chain import JournalRow, Verdict, verify
from davy.access.journal import JournalEntry
from davy.access.journal_keys import CHECKPOINT, keep_checkpoint, kept_checkpoint, known_keys, own_key
from davy.access.refusals import RefusedAttempts
from davy.adapters.storage.journal_store import JournalQuery, JournalStore
from davy.domain.errors import ArchiveUnavailableError, ConfigError
from davy.telemetry import get_logger
from davy.twin.protocol import ALARM
from davy.twin.publisher import ReportEvent

log = get_logger(__name__)

SIGN_ROWS = 100  # a checkpoint after so many rows
SIGN_S = 300.0  # or after this time, if there are new rows
STEP_S = 2.0
ALARM_SHARE = 0.8  # of the quota
BRIEF_SHARE = 0.5  # from here on refused attempts are only counted
ALARM_AGAIN_S = 86_400.0
ADVICE = "export and remove its signed part by `davy journal export --then-remove`"

P = ParamSpec("P")
R = TypeVar("R")


class JournalMetrics:
    """Counters and gauges of the journal."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter("davy_journal_rows_total", "Rows written to the audit journal.", registry=registry)
        self.lost = Counter(
            "davy_journal_lost_total", "Operations that the audit journal could not store; the log has them.", registry=registry
        )
        self.bytes = Gauge("davy_journal_bytes", "Size of the audit journal in bytes.", registry=registry)


@dataclass(slots=True)
class _Alarm:
    kind: str = ""
    raised_s: float = 0.0


class JournalWriter:
    """Writes entries in their order through one thread. No operation fails because its entry does.

    An entry that cannot be stored is an alarm, a line of the log, and a count in the next row.

    Args:
        store: The rows.
        folder: Holds the key that signs checkpoints; made if it is absent.
        max_bytes: Quota. Above it rows are still written, and /readyz is degraded until they are exported and removed.
        metrics: Of the journal.
        report_event: Raises alarms.

    Raises:
        ArchiveUnavailableError: The database fails.
        ConfigError: The key cannot be read or made.
    """

    def __init__(
        self, store: JournalStore, folder: Path, max_bytes: int, metrics: JournalMetrics, report_event: ReportEvent
    ) -> None:
        self._store, self._folder, self.max_bytes, self._metrics = store, folder, max_bytes, metrics
        self._report_event = report_event
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._refused, self._alarm = RefusedAttempts(time.monotonic()), _Alarm()
        self._key = own_key(folder)
        self.size_bytes = store.size_bytes()
        self._unsigned = SIGN_ROWS  # the last process may have left some
        self._signed_s = float("-inf")
        self._lost = 0
        self._broken = self._failure = ""

    @property
    def error(self) -> str:
        """What is wrong, for /readyz; empty if nothing is."""
        share = self.size_bytes / self.max_bytes
        shortage = f"the audit journal fills {share:.0%} of its quota: {ADVICE}" if share >= ALARM_SHARE else ""
        return self._broken or self._failure or shortage

    def record(self, entry: JournalEntry) -> Awaitable[None]:
        """Write an entry, or count it as one of many refused attempts; see `davy.access.journal.Journal`."""
        if entry.refused and not self._refused.admit(entry, self._is_brief):
            counted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            counted.set_result(None)
            return counted
        return asyncio.shield(self._call(self._write, entry))

    async def query(self, query: JournalQuery) -> list[JournalRow]:
        """Find rows, newest first."""
        return await self._call(self._store.query, query)

    async def run(self) -> None:
        """Verify the chain once; then sign, count and watch the quota until cancelled."""
        await self.verify()
        while True:
            await self.step()
            await asyncio.sleep(STEP_S)

    async def verify(self) -> None:
        """Verify the chain; a broken one degrades /readyz and raises an alarm."""
        verdict = await asyncio.to_thread(self._check)
        if verdict.broken is not None:  # unless rows were just being removed
            verdict = await asyncio.to_thread(self._check)
        if verdict.broken is not None:
            self._broken = f"row {verdict.broken} of the audit journal: {verdict.reason}"

    async def step(self, end: bool = False) -> None:
        """Write the counts of refused attempts, sign what is due, and raise an alarm.

        Args:
            end: No further step follows: write and sign everything.
        """
        for entry in list(self._refused.summaries(time.monotonic(), self._is_brief, end)):
            await self._call(self._write, entry)
        try:
            if self._unsigned and (end or self._unsigned >= SIGN_ROWS or time.monotonic() - self._signed_s >= SIGN_S):
                await self._call(self._sign)
            self.size_bytes = await self._call(self._store.size_bytes)
        except (ArchiveUnavailableError, OSError) as error:
            self._failure = str(error)
        self._metrics.bytes.set(self.size_bytes)
        await self._raise_alarm()

    async def close(self) -> None:
        """Write and sign everything, and accept no more."""
        await self.step(end=True)
        await asyncio.to_thread(self._thread.shutdown)

    @property
    def _is_brief(self) -> bool:
        return self.size_bytes >= BRIEF_SHARE * self.max_bytes

    def _write(self, entry: JournalEntry) -> None:
        missing = [_lost_entry(self._lost)] if self._lost else []
        try:
            rows = self._store.append([*missing, entry])
        except ArchiveUnavailableError as error:
            self._lost += 1
            self._metrics.lost.inc()
            self._failure = f"{self._lost} operations are not in the journal: {error.reason}"
            log.error("journal.lost", error=str(error), **asdict(entry))
            return
        self._lost, self._failure = 0, ""
        self._unsigned += len(rows)
        self._metrics.rows.inc(len(rows))

    def _sign(self) -> None:
        unsigned, checkpoint = self._unsigned, self._store.sign_end(self._key, time.time_ns())
        self._unsigned -= unsigned
        self._signed_s = time.monotonic()
        if checkpoint is not None:
            keep_checkpoint(self._folder, checkpoint)
            log.info("journal.signed", **asdict(checkpoint))  # a copy of the log shows what the database held

    def _check(self) -> Verdict:
        try:
            kept = kept_checkpoint(self._folder / CHECKPOINT)
            checkpoints = self._store.checkpoints()
            return verify(self._store.rows(), checkpoints, known_keys(self._folder), kept)
        except ConfigError as error:
            return Verdict(0, 0, 0, 0, str(error))

    async def _raise_alarm(self) -> None:
        share = self.size_bytes / self.max_bytes
        kinds = (("broken", self._broken), ("lost", self._failure), ("full", share >= 1), ("filling", share >= ALARM_SHARE))
        kind = next((kind for kind, holds in kinds if holds), "")
        again = time.monotonic() - self._alarm.raised_s >= ALARM_AGAIN_S
        if kind and (kind != self._alarm.kind or again):
            try:
                await self._report_event(f"journal-{kind}", self.error, ALARM)
            except ArchiveUnavailableError as error:
                log.error("journal.alarm", kind=kind, error=self.error, reason=str(error))
                return
        if kind != self._alarm.kind or again:
            self._alarm = _Alarm(kind, time.monotonic())

    def _call(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[R]":
        return asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))


def _lost_entry(count: int) -> JournalEntry:
    operation, target = "journal: entries lost", f"{count} operations before this row could not be stored; the log has them"
    return JournalEntry(time.time_ns(), "aggregator", "aggregator", "process", "", operation, target, answer="ok")
