"""Stored rollouts of one site, and the newest desired model of every edge."""

import asyncio
from collections.abc import Collection, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from davy.adapters.storage.rollout_store import RolloutStore
from davy.telemetry import get_logger
from davy.twin.model import DesiredModel
from davy.twin.protocol import first_error
from davy_aggregator.rollout.rollout import Rollout

log = get_logger(__name__)

MAX_ROLLOUTS = 100  # in memory; the oldest are dropped

Value = TypeVar("Value", bound=BaseModel)


class RolloutRecords:
    """Rollouts by id, oldest first; desired models by edge. set_aside: reasons of the unreadable stored values."""

    def __init__(self, store: RolloutStore) -> None:
        self._store = store
        rollouts, bad_rollouts = _read_all(Rollout, {body: body for body in store.rollouts()})
        self.desired, bad_desired = _read_all(DesiredModel, store.desired())
        self.rollouts = {rollout.id: rollout for rollout in rollouts.values()}
        store.set_aside(bad_rollouts, bad_desired)
        self.set_aside = [reason for _, reason in (*bad_rollouts, *bad_desired)]

    @property
    def running(self) -> list[Rollout]:
        return [rollout for rollout in self.rollouts.values() if not rollout.state.ended]

    @property
    def newest_epoch(self) -> int:
        return max((desired.epoch for desired in self.desired.values()), default=0)

    @property
    def models(self) -> set[str]:
        """Return the desired models, and targets and baselines of running rollouts."""
        models = {desired.model for desired in self.desired.values()}
        for rollout in self.running:
            models |= {rollout.target.model, *(member.baseline.model for member in rollout.members.values())}
        return models

    async def add(self, before: Rollout, after: Rollout) -> Collection[str]:
        """Store a decision, and return the edges with a new desired model.

        Raises:
            ArchiveUnavailableError: the decision could not be stored; nothing changes.
        """
        changed = {
            edge: desired
            for edge, member in after.members.items()
            if member.epoch != before.members[edge].epoch and (desired := after.desired(edge))
        }
        bodies = {edge: desired.model_dump_json() for edge, desired in changed.items()}
        await asyncio.to_thread(self._store.save, after.id, after.model_dump_json(), bodies)
        self.rollouts[after.id] = after
        while len(self.rollouts) > MAX_ROLLOUTS:
            self.rollouts.pop(next(iter(self.rollouts)))
        self.desired |= changed
        return changed


def _read_all(kind: type[Value], bodies: Mapping[str, str]) -> tuple[dict[str, Value], list[tuple[str, str]]]:
    """Read stored values. Return the readable ones by key, and the body of each unreadable one with its reason."""
    found, unreadable = {}, []
    for key, body in bodies.items():
        try:
            found[key] = kind.model_validate_json(body)
        except ValueError as error:  # another version of Davy wrote it, or it is damaged
            reason = first_error(error) if isinstance(error, ValidationError) else str(error)
            log.error("rollout.set_aside", kind=kind.__name__, error=reason[:300])
            unreadable.append((body, f"{kind.__name__}: {reason}"))
    return found, unreadable
