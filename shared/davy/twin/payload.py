"""One payload on one device: how it loads, validates, applies and confirms a state, what is persisted, and the retained report.

A device is an edge, or a member of the enhancer pool.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from davy.domain.errors import InvalidInputError, ModelRefusedError
from davy.domain.ports import Message
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy.streams.tasks import run_to_completion
from davy.telemetry import get_logger
from davy.twin.metrics import TwinMetrics
from davy.twin.protocol import ALARM, MAX_REASON, WARNING, Desired, Pointer, Reported
from davy.twin.state_file import StateFile

log = get_logger(__name__)

D = TypeVar("D", bound=Desired)
P = TypeVar("P", bound=Pointer)
L = TypeVar("L")  # what runs: a desired state, loaded


class RecordEvent(Protocol):
    """Record an event of this device; never waits."""

    def __call__(self, kind: str, message: str, severity: int, *, figures: Mapping[str, float] | None = None) -> None:
        """Record one event."""


def log_event(kind: str, message: str, severity: int, *, figures: Mapping[str, float] | None = None) -> None:
    """Log an event of a device that has no other way: the cloud records it by the device's report. A RecordEvent."""
    log.log(Severity(severity).log_level, "event", kind=kind, message=message, figures=dict(figures or {}))


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The state that each step reports.

    applied: runs, not yet confirmed. refused: never ran. reverted: ran, and the previous state runs again.
    revert_superseded: whether an unconfirmed state is reverted before a newer one is prepared.
    """

    applied: str
    confirmed: str
    refused: str
    reverted: str
    revert_superseded: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a device does not run its desired state."""

    cause: str
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)


class Payload(ABC, Generic[D, P, L]):
    """The hooks of a payload. Its constructor loads nothing; `davy.twin.reconciler` calls the hooks.

    `running` is the loaded state that runs now; `initial` the `active` of what was installed, which `load` always loads.
    """

    name: ClassVar[str]  # of topics, failpoints, events and log entries
    lifecycle: ClassVar[Lifecycle]
    initial: ClassVar[Any]
    causes: ClassVar[Mapping[type[Exception], str]] = {}  # of refusals, by error
    desired_type: type[D]
    reported_type: ClassVar[type[Reported]]
    running: L

    def __init__(
        self, topics: EdgeTopics, boot_id: str, file: StateFile[P], metrics: TwinMetrics, record_event: RecordEvent
    ) -> None:
        self._topics, self._boot_id, self._file, self._metrics = topics, boot_id, file, metrics
        self._record_event = record_event
        self._progress: dict[str, object] = {}
        self._to_report = asyncio.Event()

    @abstractmethod
    def load(self, active: Any) -> L:  # noqa: ANN401  # the type that the payload's Pointer gives it
        """Load a state that was applied before. Blocks; raises DavyError or OSError if it no longer runs."""

    @abstractmethod
    async def prepare(self, desired: D) -> L:
        """Validate and load a desired state; `running` itself if it runs already. A newer one cancels this."""

    @abstractmethod
    async def apply(self, loaded: L, desired: D | None) -> None:
        """Run a loaded state; desired is None if it is a return to the previous one. Never cancelled."""

    @abstractmethod
    def pointer_fields(self, desired: D | None, loaded: L) -> Mapping[str, object]:
        """Fields of the pointer that change with loaded: `active` if desired is given."""

    @abstractmethod
    def facts(self) -> Mapping[str, object]:
        """Fields of the report that the pointer does not hold."""

    async def confirm(self) -> Mapping[str, float]:
        """Watch what runs until it has proved itself; returns figures. A newer desired state cancels this."""
        return {}

    async def settled(self) -> None:
        """Follow a desired state that was confirmed, refused or reverted."""

    @property
    def pointer(self) -> P:
        """What the state file names."""
        return self._file.pointer

    def reported(self) -> Message:
        """Build the retained report; the device publishes it at every connect, too."""
        facts = {**dict(self.pointer), **self._progress, **self.facts(), "boot_id": self._boot_id, "at_ns": time.time_ns()}
        payload = self.reported_type.model_validate(facts).to_bytes()
        return Message(self._topics.reported(self.name), payload, qos=1, retain=True, content_type="application/json")

    def report_progress(self, **fields: object) -> None:
        """Report fields that are not persisted, in place of those before."""
        self._progress = fields
        self._to_report.set()

    async def persist(self, *, remember: bool = False, **changes: object) -> None:
        """Change the pointer on disk and report it.

        Args:
            remember: Change it in memory alone if the disk fails.
            changes: New values of its fields.

        Raises:
            OSError: the disk fails, unless remember is set.
        """
        await run_to_completion(asyncio.to_thread(self._file.update, remember=remember, **changes))
        self._metrics.epoch(self.pointer.epoch)
        self.report_progress()

    def refusal(self, error: Exception) -> Refusal:
        """Name the cause of a failure."""
        if isinstance(error, OSError):
            return Refusal("storage", f"the disk fails: {error.strerror or error}")
        if isinstance(error, ModelRefusedError):
            return Refusal(error.cause, error.reason, error.figures)
        causes = {**self.causes, InvalidInputError: "invalid"}
        if cause := next((causes[kind] for kind in causes if isinstance(error, kind)), ""):
            return Refusal(cause, str(error))
        log.error(f"{self.name}.unexpected", exc_info=error)
        return Refusal("unexpected", f"{type(error).__name__}: {error}")

    def record_refusal(self, refusal: Refusal, at_boot: bool = False) -> None:
        """Count, log and record the refusal that the pointer holds."""
        state = self.pointer.state
        reverted = state == self.lifecycle.reverted != self.lifecycle.refused
        message = f"{self.name} of epoch {self.pointer.epoch}: {state} ({refusal.cause}): {refusal.reason}"
        self._metrics.count("rejected", refusal.cause)
        log.warning(f"{self.name}.{state}", message=message)
        event, severity = f"{self.name}-{state if reverted else 'refused'}", ALARM if reverted or at_boot else WARNING
        self._record_event(event, message[:MAX_REASON], severity, figures=refusal.figures)
