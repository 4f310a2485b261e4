"""The interface of a payload on an edge: how it loads, validates, applies and confirms a state."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from davy.domain.errors import InvalidInputError
from davy.telemetry import get_logger
from davy.twin.protocol import ALARM, MAX_REASON, WARNING, Desired, Pointer
from davy.twin.reporter import Reporter

log = get_logger(__name__)

D = TypeVar("D", bound=Desired)
P = TypeVar("P", bound=Pointer)
L = TypeVar("L")  # what runs: a desired state, loaded


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
    """Why an edge does not run its desired state."""

    cause: str
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def fields(self) -> dict[str, object]:
        """Fields of the pointer."""
        return {"cause": self.cause, "reason": self.reason[:MAX_REASON], "figures": dict(self.figures)}


class Payload(Reporter[P], Generic[D, P, L]):
    """One payload on one edge.

    `running` is the loaded state that runs now; `initial` the `active` of what was installed, which `load` always loads.
    """

    lifecycle: ClassVar[Lifecycle]
    initial: ClassVar[Any]
    desired_type: type[D]
    running: L

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

    async def confirm(self) -> Mapping[str, float]:
        """Watch what runs until it has proved itself; returns figures. A newer desired state cancels this."""
        return {}

    async def settled(self) -> None:
        """Follow a desired state that was confirmed, refused or reverted."""

    def refusal(self, error: Exception) -> Refusal:
        """Name the cause of a failure."""
        if isinstance(error, OSError):
            return Refusal("storage", f"the disk fails: {error.strerror or error}")
        if isinstance(error, InvalidInputError):
            return Refusal("invalid", str(error))
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
