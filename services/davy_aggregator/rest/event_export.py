"""Events as files: all that match, streamed, so that a large export needs little memory."""

import csv
import io
import json
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager
from dataclasses import replace

from davy.domain.event import EventQuery, EventRecord
from davy_aggregator.archive import Archive
from davy_aggregator.rest.schemas import Event
from davy_aggregator.rest.streams import CountedStream

PAGE = 500
MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
COLUMNS = ("id", "occurred_at", "severity", "kind", "camera", "edge", "message", "figures", "keyframe")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would compute a cell that begins so


async def pages(archive: Archive, query: EventQuery) -> AsyncGenerator[list[EventRecord], None]:
    """Yield all events that match, newest first."""
    while True:
        found = await archive.search(replace(query, limit=PAGE))
        if found:
            yield found
        if len(found) < PAGE:
            return
        query = replace(query, before=found[-1].id)


async def csv_of(archive: Archive, query: EventQuery) -> AsyncGenerator[bytes, None]:
    """Yield the lines of a CSV file, RFC 4180."""
    yield _lines([list(COLUMNS)])
    async for found in pages(archive, query):
        yield _lines([_row(Event.of(record)) for record in found])


async def json_of(archive: Archive, query: EventQuery) -> AsyncGenerator[bytes, None]:
    """Yield a JSON array."""
    comma = b"["
    async for found in pages(archive, query):
        for record in found:
            yield comma + Event.of(record).model_dump_json().encode()
            comma = b",\n"
    yield b"]\n" if comma != b"[" else b"[]\n"


def export(body: AsyncGenerator[bytes, None], opened: AbstractContextManager[None], form: str) -> CountedStream:
    """Answer with a file named events.csv or events.json."""
    answer = CountedStream(body, opened, MEDIA[form])
    answer.headers["Content-Disposition"] = f'attachment; filename="events.{form}"'
    return answer


def _row(event: Event) -> list[str]:
    values = [getattr(event, name) for name in COLUMNS]
    texts = [json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value) for value in values]
    return [f"'{text}" if text.startswith(FORMULA) else text for text in texts]


def _lines(rows: list[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()
