"""How a payload names the steps of the reconciler: states, events and refusals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

INFO, WARNING, ALARM = 1, 2, 3


class RecordEvent(Protocol):
    """Record an event of this edge; never waits."""

    def __call__(self, kind: str, message: str, severity: int, *, figures: Mapping[str, float] | None = None) -> None: ...


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
    reverted_event: str
    revert_superseded: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an edge does not run its desired state."""

    cause: str
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)


class SupersededError(Exception):
    """A newer desired state arrived."""
