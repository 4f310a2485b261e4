"""Brings a device to its desired state: receive, validate, persist, apply, confirm, report.

A kill at any step leaves one valid state on disk, from which the next boot continues, even offline. A state in which the
process ends MAX_ATTEMPTS times before it is confirmed is reverted.
"""

import asyncio
import random
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from davy.atomic import failpoint
from davy.domain.errors import BrokerUnavailableError, DavyError
from davy.domain.ports import Bus
from davy.domain.topics import EdgeTopics
from davy.streams.guard import Guard
from davy.streams.tasks import end, run_to_completion, until_first_ends, wait_for_event
from davy.telemetry import get_logger
from davy.twin.metrics import TwinMetrics
from davy.twin.payload import D, L, P, Payload, RecordEvent, Refusal
from davy.twin.protocol import MAX_EPOCH_STEP, MAX_REASON, UntrustedError
from davy.twin.state_file import StateFile

log = get_logger(__name__)

MAX_ATTEMPTS = 3
REPUBLISH_S = 60.0  # a broker without persistence, or a full queue of the aggregator, may have lost the report

T = TypeVar("T")


class SupersededError(Exception):
    """A newer desired state arrived."""


class Reconciler(Payload[D, P, L]):
    """Runs a payload on one device. Used on the event loop; a payload is a subclass."""

    def __init__(
        self, topics: EdgeTopics, boot_id: str, file: StateFile[P], metrics: TwinMetrics, record_event: RecordEvent
    ) -> None:
        super().__init__(topics, boot_id, file, metrics, record_event)
        self._newest: D | None = None
        self._news = asyncio.Event()
        self.running: L = self._boot()
        self._accepted = self.pointer.epoch
        metrics.epoch(self.pointer.epoch)

    async def run(self, bus: Bus) -> None:
        """Reconcile until cancelled."""
        try:
            await until_first_ends(
                f"{self.name}.{self._topics.edge}",
                listen=self._listen(bus),
                work=self._work(),
                publish=self._publish(bus),
            )
        except asyncio.CancelledError:
            if self.pointer.attempts:
                with suppress(OSError):  # a clean stop is no failure of what is not yet confirmed
                    self._file.update(attempts=0)
            raise

    def reports(self) -> bool:
        """Whether this process reports, now: several may follow one device's decisions."""
        return True

    def accept(self, desired: D) -> None:
        """Reconcile with a desired state next."""
        self._newest, self._accepted = desired, desired.epoch
        self._news.set()

    async def revert(self, refusal: Refusal) -> None:
        """Run the previous state again, then persist it: what runs counts first."""
        active, self.running = await asyncio.to_thread(self._load_previous)
        await self.apply(self.running, None)
        fields = {**self.pointer_fields(None, self.running), "active": active}
        await self._refuse(refusal, self.lifecycle.reverted, **fields)

    @property
    def _unconfirmed(self) -> bool:
        applied, confirmed = self.lifecycle.applied, self.lifecycle.confirmed
        return self.pointer.state == applied and (applied != confirmed or self.pointer.attempts > 0)

    def _boot(self) -> L:
        """Load the active state, else the previous one, else what was installed."""
        attempts = self.pointer.attempts
        if self._unconfirmed and attempts < MAX_ATTEMPTS:
            self._file.update(remember=True, attempts=attempts + 1)
        elif self._unconfirmed:
            crashed = Refusal("crashed", f"the edge ended {attempts} times while it was tried")
            self._refuse_at_boot(crashed, self.lifecycle.reverted, active=self.pointer.previous)
        try:
            return self.load(self.pointer.active)
        except (DavyError, OSError) as error:
            active, loaded = self._load_previous()
            self._refuse_at_boot(self.refusal(error), self.lifecycle.refused, active=active, previous=self.initial)
            return loaded

    def _load_previous(self) -> tuple[Any, L]:
        with suppress(DavyError, OSError):
            return self.pointer.previous, self.load(self.pointer.previous)
        return self.initial, self.load(self.initial)

    async def _listen(self, bus: Bus) -> None:
        guard = Guard(f"{self.name}.desired", lambda _: self._metrics.count("unreadable"))
        async for message in bus.subscribe([self._topics.desired(self.name)], qos=1):
            with guard.message(topic=message.topic):
                self._receive(self.desired_type.parse(message.payload))

    def _receive(self, desired: D) -> None:
        if desired.epoch > self._accepted + MAX_EPOCH_STEP:
            self._refuse_epoch(desired, f"epoch {desired.epoch} is more than {MAX_EPOCH_STEP:,} above {self._accepted}")
        elif desired.epoch > self._accepted:
            self.accept(desired)
        elif desired.epoch < self._accepted:
            self._metrics.count("replayed")
            log.warning(f"{self.name}.replayed", epoch=desired.epoch, accepted=self._accepted)

    def _refuse_epoch(self, desired: D, reason: str) -> None:
        """Refuse a desired state as if it had never come, but for the report."""
        self._metrics.count("untrusted")
        log.warning(f"{self.name}.untrusted", epoch=desired.epoch, reason=reason)
        self._accepted = self.pointer.epoch
        self.report_progress(refused_epoch=desired.epoch, refused_reason=reason[:MAX_REASON])

    async def _work(self) -> None:
        if self._unconfirmed:
            await self._confirm()  # the process ended meanwhile
        while True:
            await self._news.wait()
            self._news.clear()
            desired, self._newest = self._newest, None
            if desired is not None:
                await self._reconcile(desired)

    async def _reconcile(self, desired: D) -> None:
        fields: dict[str, Any] = {"epoch": desired.epoch, "target": desired.target, "cause": "", "reason": ""}
        try:
            loaded = await self._unless_superseded(self.prepare(desired))
            failpoint(f"{self.name}.validated")
            if loaded is self.running:
                await self.persist(**fields, state=self.lifecycle.confirmed)
            else:
                await run_to_completion(self._switch(desired, loaded, fields))
                await self._confirm()
        except SupersededError:
            return
        except UntrustedError as error:
            self._refuse_epoch(desired, str(error))
        except Exception as error:  # noqa: BLE001  # a broken payload ends nothing else
            await run_to_completion(self._refuse(self.refusal(error), self.lifecycle.refused, **fields))
            failpoint(f"{self.name}.refused")

    async def _switch(self, desired: D, loaded: L, fields: Mapping[str, Any]) -> None:
        attempts = self.pointer.attempts if self.pointer.epoch == desired.epoch else 0
        fields = {**fields, "previous": self.pointer.active, **self.pointer_fields(desired, loaded)}
        await self.persist(**fields, state=self.lifecycle.applied, attempts=max(1, attempts))
        failpoint(f"{self.name}.persisted")
        self.running = loaded
        try:
            await self.apply(loaded, desired)
            failpoint(f"{self.name}.applied")
        except Exception as error:  # noqa: BLE001  # as above
            await self.revert(self.refusal(error))
            return
        self._metrics.count("applied")
        self.report_progress()

    async def _confirm(self) -> None:
        """Confirm what runs, or revert it."""
        if not self._unconfirmed:
            return
        try:
            figures = await self._unless_superseded(self.confirm())
        except SupersededError:
            if self.lifecycle.revert_superseded:
                await run_to_completion(self.revert(Refusal("superseded", "a newer state is desired")))
            return
        except Exception as error:  # noqa: BLE001  # as above
            await run_to_completion(self.revert(self.refusal(error)))
            return
        await self.persist(remember=True, state=self.lifecycle.confirmed, figures=dict(figures), attempts=0)
        failpoint(f"{self.name}.confirmed")
        await self.settled()

    async def _unless_superseded(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what work returns; raise SupersededError if a newer desired state arrives first."""
        task = asyncio.create_task(work, name=f"{self.name}.{self._topics.edge}.work")
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait({task, news}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(task, news)
        if task.cancelled():
            raise SupersededError
        return task.result()

    async def _refuse(self, refusal: Refusal, state: str, **changes: object) -> None:
        """Persist and report why the desired state does not run."""
        await self.persist(remember=True, **{**changes, **_fields(refusal, state)})
        self.record_refusal(refusal)
        await self.settled()

    def _refuse_at_boot(self, refusal: Refusal, state: str, **changes: object) -> None:
        self._file.update(remember=True, **changes, **_fields(refusal, state))
        self.record_refusal(refusal, at_boot=True)

    async def _publish(self, bus: Bus) -> None:
        """Publish every change of the report, and the report again now and then, until cancelled."""
        while True:
            await wait_for_event(self._to_report, REPUBLISH_S * random.uniform(0.5, 1.5))
            self._to_report.clear()
            if not self.reports():
                continue
            with suppress(BrokerUnavailableError):  # the next connect publishes it
                await bus.publish(self.reported())


def _fields(refusal: Refusal, state: str) -> dict[str, Any]:
    """Return the pointer's fields after a refusal."""
    reason = refusal.reason[:MAX_REASON]
    return {"cause": refusal.cause, "reason": reason, "figures": dict(refusal.figures), "state": state, "attempts": 0}
