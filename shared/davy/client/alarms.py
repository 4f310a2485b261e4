"""Alarms and their answers."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from http import HTTPStatus
from urllib.parse import quote

from pydantic import BaseModel
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from davy.client.connection import RECONNECT, TIMEOUT_S, Connection
from davy.client.messages import Alarm, AlarmChange, AlarmUpdate
from davy.domain.errors import UnavailableError
from davy.domain.severity import SeverityName

MAX_MESSAGE_BYTES = 64 * 2**20


class _Alarms(BaseModel):
    alarms: list[Alarm]


class _Counts(BaseModel):
    counts: dict[str, int]


class _History(BaseModel):
    changes: list[AlarmChange]
    cursor: str | None


class Alarms:
    """Alarms of a site. `Client` makes it. Answers are given in the name of the client's identity."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(
        self, *, state: Sequence[str] = (), severity: SeverityName = "info", source: str = "", limit: int = 5000
    ) -> list[Alarm]:
        """List alarms that are not normal, the most urgent first.

        Args:
            state: Only these states.
            severity: The least one.
            source: edge.camera, an edge, or "aggregator".
            limit: 1 to 5000.
        """
        query: dict[str, str | list[str]] = {"severity": severity, "limit": str(limit), "state": [*state]}
        query |= {"source": source} if source else {}
        return (await self._connection.ask(_Alarms, "GET", "/v1/alarms", params=query)).alarms

    async def counts(self) -> dict[str, int]:
        """Count the alarms by state."""
        return (await self._connection.ask(_Counts, "GET", "/v1/alarms/counts")).counts

    async def get(self, alarm: str) -> Alarm:
        """Get one alarm by its id.

        Raises:
            NotFoundError: there never was such an alarm.
        """
        return await self._connection.ask(Alarm, "GET", _path(alarm))

    async def history(self, alarm: str = "", limit: int = 100) -> list[AlarmChange]:
        """List changes of one alarm, or of all, newest first; limit is at most 1000."""
        query = {"limit": str(limit)} | ({"alarm": alarm} if alarm else {})
        return (await self._connection.ask(_History, "GET", "/v1/alarms/history", params=query)).changes

    async def acknowledge(self, alarm: str, words: str = "", occurrence: int = 0) -> Alarm:
        """Acknowledge an alarm.

        Args:
            alarm: Its id.
            words: What the caller says about it.
            occurrence: The raise that the caller has seen; 0: any.

        Raises:
            ConflictError: the alarm needs no answer, or was raised again.
        """
        body = {"words": words, "occurrence": occurrence}
        return await self._connection.ask(Alarm, "POST", f"{_path(alarm)}/acknowledge", json=body)

    async def shelve(self, alarm: str, words: str, duration_s: float) -> Alarm:
        """Hide an alarm for duration_s seconds; words say why."""
        body = {"words": words, "duration_s": duration_s}
        return await self._connection.ask(Alarm, "POST", f"{_path(alarm)}/shelve", json=body)

    async def unshelve(self, alarm: str, words: str = "") -> Alarm:
        """Show a shelved alarm again."""
        return await self._connection.ask(Alarm, "POST", f"{_path(alarm)}/unshelve", json={"words": words})

    async def follow(self) -> AsyncGenerator[AlarmUpdate, None]:
        """Yield all alarms that are not normal, then those that change, until closed; all again after a reconnection.

        Raises:
            RefusedError: this program may not see alarms.
        """
        failures = 0
        while True:
            try:
                async with aclosing(self._session()) as updates:
                    async for update in updates:
                        failures = 0
                        yield update
            except UnavailableError:
                failures += 1
            await asyncio.sleep(RECONNECT.wait_s(max(1, failures)))

    async def _session(self) -> AsyncGenerator[AlarmUpdate, None]:
        connection = self._connection
        url = f"ws{connection.url.removeprefix('http')}/v1/alarms/watch"
        context = connection.context if url.startswith("wss:") else None
        try:
            async with connect(
                url,
                ssl=context,
                additional_headers=connection.headers(),
                proxy=None,
                open_timeout=TIMEOUT_S,
                max_size=MAX_MESSAGE_BYTES,
            ) as socket:
                async for message in socket:
                    yield connection.parse(AlarmUpdate, message)
        except InvalidStatus as error:
            status = error.response.status_code
            raise connection.error(status, f"{status} {HTTPStatus(status).phrase}") from error
        except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake, InvalidURI) as error:
            raise connection.unavailable(error) from error


def _path(alarm: str) -> str:
    return f"/v1/alarms/{quote(alarm, safe='')}"
