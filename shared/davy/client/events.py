"""The archive of events."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime

from httpx_sse import EventSource, SSEError
from pydantic import BaseModel

from davy.client.connection import RECONNECT, Connection
from davy.client.messages import Event
from davy.domain.errors import UnavailableError
from davy.domain.severity import SeverityName

PAGE = 1000  # events of one request


class _Page(BaseModel):
    events: list[Event]
    cursor: str | None


class Events:
    """Events of a site: what its edges and the aggregator's analysis report. `Client` makes it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def search(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        camera: str = "",
        edge: str = "",
        kind: str = "",
        severity: SeverityName = "info",
        text: str = "",
        exclude: Sequence[str] = (),
        limit: int = 100,
    ) -> list[Event]:
        """Find events, newest first, through as many pages as limit needs.

        Args:
            since: Earliest time of occurrence, inclusive, with a time zone.
            until: Latest time of occurrence, exclusive.
            camera: edge.camera.
            edge: The reporting edge.
            kind: Such as lens-blocked.
            severity: The least one.
            text: Text that message or kind contains.
            exclude: Kinds to leave out.
            limit: Maximum number of events.
        """
        words = {"camera": camera, "edge": edge, "kind": kind, "text": text, "severity": severity}
        times = {name: at.isoformat() for name, at in (("since", since), ("until", until)) if at is not None}
        chosen: dict[str, str | list[str]] = {"exclude": [*exclude]}
        chosen.update({name: word for name, word in (words | times).items() if word})
        found: list[Event] = []
        cursor: str | None = ""
        while cursor is not None and len(found) < limit:
            page = chosen | {"limit": str(min(PAGE, limit - len(found)))} | ({"cursor": cursor} if cursor else {})
            answer = await self._connection.ask(_Page, "GET", "/v1/events", params=page)
            found += answer.events
            cursor = answer.cursor
        return found

    async def keyframe(self, event_id: int, *, marked: bool = False) -> bytes:
        """Get the picture of an event as JPEG; marked draws what was found into it.

        Raises:
            NotFoundError: the event has none, or it was deleted.
        """
        path = f"/v1/events/{event_id}/keyframe.jpg"
        return (await self._connection.send("GET", path, params={"marked": "true"} if marked else {})).content

    async def follow(self, after: int | None = None, severity: SeverityName = "info") -> AsyncGenerator[Event, None]:
        """Yield events as they are stored, until closed. A lost connection is opened anew, and no event is left out.

        Args:
            after: Id of the last known event; None begins with the next one.
            severity: The least one.

        Raises:
            RefusedError: this program may not see events.
        """
        failures = 0
        while True:
            try:
                after = await self._newest() if after is None else after
                async with aclosing(self._session(after, severity)) as events:
                    async for event in events:
                        failures, after = 0, event.id
                        yield event
            except UnavailableError:
                failures += 1
            await asyncio.sleep(RECONNECT.wait_s(max(1, failures)))

    async def _newest(self) -> int:
        """The id of the newest event; a stream from there on can be lost and resumed, one from "now" cannot."""
        return max((event.id for event in await self.search(limit=1)), default=0)

    async def _session(self, after: int, severity: SeverityName) -> AsyncGenerator[Event, None]:
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        async with self._connection.stream("/v1/events/stream", params={"severity": severity}, headers=headers) as answer:
            try:
                async with aclosing(EventSource(answer).aiter_sse()) as messages:
                    async for message in messages:
                        if message.event == "event":
                            yield self._connection.parse(Event, message.data)
            except SSEError as error:
                raise self._connection.unavailable(error) from error
