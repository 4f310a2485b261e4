"""Stored rollouts of one site, and the newest desired model of every device."""

import asyncio
from collections.abc import Collection

from davy.adapters.storage.rollout_store import RolloutStore
from davy.domain.errors import StandbyError
from davy.twin.model import DesiredModel
from davy_aggregator.rollout.rollout import Rollout
from davy_aggregator.stored import read_stored

MAX_ROLLOUTS = 100  # in memory; the oldest are dropped


class RolloutRecords:
    """Rollouts by id, oldest first; desired models by device."""

    kind = "rollout"

    def __init__(self, store: RolloutStore) -> None:
        self._store = store
        self.rollouts: dict[str, Rollout] = {}
        self.desired: dict[str, DesiredModel] = {}

    def reload(self) -> list[str]:
        """Read the store; return the reasons of unreadable values, which are set aside."""
        rollouts, bad_rollouts = read_stored(Rollout.model_validate_json, dict(enumerate(self._store.rollouts())))
        self.desired, bad_desired = read_stored(DesiredModel.model_validate_json, self._store.desired())
        self.rollouts = {rollout.id: rollout for rollout in rollouts.values()}
        try:
            self._store.set_aside(bad_rollouts, bad_desired)
        except StandbyError:  # the leader may be newer, and read them
            return []
        return [reason for _, reason in (*bad_rollouts, *bad_desired)]

    @property
    def running(self) -> list[Rollout]:
        return [rollout for rollout in self.rollouts.values() if not rollout.state.ended]

    @property
    def models(self) -> set[str]:
        """Return the desired models, and targets and baselines of running rollouts."""
        models = {desired.model for desired in self.desired.values()}
        for rollout in self.running:
            models |= {rollout.target.model, *(member.baseline.model for member in rollout.members.values())}
        return models

    async def add(self, before: Rollout, after: Rollout) -> Collection[str]:
        """Store a decision, and return the devices with a new desired model.

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

    async def renumber(self, edge: str, epoch: int) -> None:
        """Store the rollout of a device's desired model with another epoch for the device."""
        rollout = self.rollouts.get(self.desired[edge].rollout)
        if rollout is not None:
            member = rollout.members[edge].model_copy(update={"epoch": epoch})
            await self.add(rollout, rollout.model_copy(update={"members": {**rollout.members, edge: member}}))
