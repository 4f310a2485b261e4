"""Asynchronous access to the model registry, with the last two downloaded packages in memory."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from davy.access.journal import note_change
from davy.access.principal import acting
from davy.adapters.storage.candidate_registry import CandidateEntry, Proposal
from davy.adapters.storage.model_registry import Entry, ModelRegistry
from davy.domain.errors import UnknownModelError
from davy.domain.secret_url import SecretUrl
from davy.twin.model import Target

KEPT = 2  # packages: a rollout needs the new one, a rollback the old one; each is under 60 MB, usually 0.5 MB


class ModelCatalog:
    """Models of one aggregator's registry."""

    def __init__(self, url: SecretUrl, trust: Path) -> None:
        self._registry = ModelRegistry(url, trust)
        self._packages: OrderedDict[str, bytes] = OrderedDict()
        self._reading = asyncio.Lock()

    async def entries(self) -> list[Entry]:
        return await asyncio.to_thread(self._registry.entries)

    async def get(self, name: str) -> Entry:
        return await asyncio.to_thread(self._registry.get, name)

    async def add(self, data: bytes) -> Entry:
        entry = await asyncio.to_thread(self._registry.add, data)
        note_change(after={"model": entry.id, "kind": entry.kind, "key": entry.key})
        return entry

    async def candidates(self) -> list[CandidateEntry]:
        return await asyncio.to_thread(self._registry.candidates.entries)

    async def candidate(self, name: str) -> CandidateEntry:
        return await asyncio.to_thread(self._registry.candidates.get, name)

    async def propose(self, data: bytes, cause: str, checks: Sequence[str] = ()) -> CandidateEntry:
        """Keep a package without a signature as a candidate of the caller."""
        proposal = Proposal(by=str(acting()), cause=cause, checks=tuple(checks))
        entry = await asyncio.to_thread(self._registry.candidates.propose, data, proposal)
        note_change(after={"candidate": entry.id, "kind": entry.kind, "cause": cause})
        return entry

    async def read_candidate(self, entry: CandidateEntry) -> bytes:
        return await asyncio.to_thread(self._registry.candidates.read, entry)

    async def reject(self, name: str) -> None:
        """Delete a candidate."""
        entry = await self.candidate(name)
        await asyncio.to_thread(self._registry.candidates.delete, entry.id)
        note_change({"candidate": entry.id, "proposal": entry.proposal.model_dump(mode="json")})

    async def tag(self, name: str, tag: str) -> Entry:
        entry, before = await self.get(name), await self._tagged(tag)
        await asyncio.to_thread(self._registry.tag, entry, tag)
        note_change({"model": before}, {"model": entry.id})
        return await self.get(name)

    async def untag(self, tag: str) -> None:
        before = await self._tagged(tag)
        await asyncio.to_thread(self._registry.untag, tag)
        note_change({"model": before})

    async def _tagged(self, tag: str) -> str:
        return next((entry.id for entry in await self.entries() if tag in entry.tags), "")

    async def delete(self, name: str, protected: Sequence[str]) -> Entry:
        entry = await self.get(name)
        await asyncio.to_thread(self._registry.delete, entry, protected)
        note_change({"model": entry.id, "tags": entry.tags})
        return entry

    async def retire(self, keep: int, days: float, protected: Sequence[str], dry_run: bool) -> list[Entry]:
        gone = await asyncio.to_thread(self._registry.retire, keep, timedelta(days=days), protected, dry_run)
        note_change({"models": [entry.id for entry in gone]}, {"dry_run": dry_run})
        return gone

    async def target(self, model: str) -> Target:
        """Return the target of a desired model; an empty id selects the installed model.

        Raises:
            UnknownModelError: the registry has no such model.
        """
        if not model:
            return Target()
        entry = await self.get(model)
        return Target(model=entry.id, sha256=entry.sha256, size=entry.size, key=entry.key)

    async def verify(self, entry: Entry) -> None:
        """Read the package and verify it by today's key set.

        Raises:
            ModelRefusedError: the stored package changed, or its key is revoked.
        """
        await asyncio.to_thread(self._registry.read, entry)

    async def package(self, name: str, sha256: str = "") -> bytes:
        """Return the bytes of a package, verified when it was read.

        Raises:
            UnknownModelError: no such package, or it has been signed again: restart the download.
        """
        if sha256 in self._packages:
            self._packages.move_to_end(sha256)
            return self._packages[sha256]
        async with self._reading:  # two hundred simultaneous downloads read the package once
            entry = await self.get(name)
            if sha256 and entry.sha256 != sha256:
                raise UnknownModelError(
                    name, f"its package is now {entry.sha256[:12]}, not {sha256[:12]}: restart the download"
                )
            if entry.sha256 not in self._packages:
                self._packages[entry.sha256] = await asyncio.to_thread(self._registry.read, entry)
            while len(self._packages) > KEPT:
                self._packages.popitem(last=False)
            return self._packages[entry.sha256]
