"""The registry without blocking the loop; the packages that edges download lie in memory, the last two of them."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from davy.adapters.storage.model_registry import Entry, ModelRegistry
from davy.domain.errors import UnknownModelError
from davy.twin.model import Target

KEPT = 2  # a rollout needs the new package, a rollback the old one; each is under 60 MB, usually half of one


class ModelCatalog:
    """The registry of one aggregator."""

    def __init__(self, url: str, trust: Path) -> None:
        self._registry = ModelRegistry(url, trust)
        self._packages: OrderedDict[str, bytes] = OrderedDict()
        self._reading = asyncio.Lock()

    async def entries(self) -> list[Entry]:
        return await asyncio.to_thread(self._registry.entries)

    async def get(self, name: str) -> Entry:
        return await asyncio.to_thread(self._registry.get, name)

    async def add(self, data: bytes) -> Entry:
        return await asyncio.to_thread(self._registry.add, data)

    async def tag(self, name: str, tag: str) -> Entry:
        await asyncio.to_thread(self._registry.tag, await self.get(name), tag)
        return await self.get(name)

    async def untag(self, tag: str) -> None:
        await asyncio.to_thread(self._registry.untag, tag)

    async def delete(self, name: str, protected: Sequence[str]) -> Entry:
        entry = await self.get(name)
        await asyncio.to_thread(self._registry.delete, entry, protected)
        return entry

    async def retire(self, keep: int, days: float, protected: Sequence[str], dry_run: bool) -> list[Entry]:
        return await asyncio.to_thread(self._registry.retire, keep, timedelta(days=days), protected, dry_run)

    async def target(self, model: str) -> Target:
        """How an edge is told to run a model; the installed one for an empty id.

        Raises:
            UnknownModelError: the registry has none of this id.
        """
        if not model:
            return Target()
        entry = await self.get(model)
        return Target(model=entry.id, sha256=entry.sha256, size=entry.size, key=entry.key)

    async def package(self, name: str, sha256: str = "") -> bytes:
        """A package as it travels, checked when it was read.

        Raises:
            UnknownModelError: there is none, or it was signed again since: begin anew.
        """
        if sha256 in self._packages:
            self._packages.move_to_end(sha256)
            return self._packages[sha256]
        async with self._reading:  # two hundred edges that ask at once read it once
            entry = await self.get(name)
            if sha256 and entry.sha256 != sha256:
                raise UnknownModelError(name, f"its package is {entry.sha256[:12]} now, not {sha256[:12]}: begin anew")
            if entry.sha256 not in self._packages:
                self._packages[entry.sha256] = await asyncio.to_thread(self._registry.read, entry)
            while len(self._packages) > KEPT:
                self._packages.popitem(last=False)
            return self._packages[entry.sha256]
