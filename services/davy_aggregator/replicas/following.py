"""What a standby knows of the leader's decisions: read again within half a second."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from davy.adapters.storage.database import Database
from davy.adapters.storage.fenced import revisions
from davy.domain.errors import ArchiveUnavailableError
from davy.streams.lead import Lead
from davy.streams.tasks import wait_for_event
from davy.telemetry import get_logger

log = get_logger(__name__)

LOOK_EVERY_S = 0.5


class Following:
    """Reads decisions again whose revision has grown.

    Args:
        database: Holds the revisions.
        lead: While this process leads, its memory is the newest.
        readers: Read the decisions of a noun, by the noun.
    """

    def __init__(self, database: Database, lead: Lead, readers: Mapping[str, Callable[[], Awaitable[None]]]) -> None:
        self._database, self._lead, self._readers = database, lead, readers
        self._known: dict[str, int] = {}
        self._reading, self._due = asyncio.Lock(), asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            if not self._lead.leads:
                try:
                    await self.refresh()
                except ArchiveUnavailableError as error:
                    log.warning("replicas.unread", error=str(error))
            await wait_for_event(self._due, LOOK_EVERY_S)
            self._due.clear()

    def look(self) -> None:
        """Read now: another replica has stored something."""
        self._due.set()

    async def refresh(self) -> None:
        """Read what has changed; raises ArchiveUnavailableError."""
        async with self._reading:
            found = await asyncio.to_thread(revisions, self._database)
            for noun, read in self._readers.items():
                if found.get(noun, 0) != self._known.get(noun):
                    await read()
                    self._known[noun] = found.get(noun, 0)
