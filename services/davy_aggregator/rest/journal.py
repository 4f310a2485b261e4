"""The audit journal over REST, and its page."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse
from pydantic import AwareDatetime, BaseModel, Field

from davy.access.chain import JournalRow
from davy.adapters.http.problems import problem_responses
from davy.adapters.http.web import PAGE_HEADERS
from davy.adapters.storage.journal_store import JournalQuery
from davy_aggregator.context import ServiceContext
from davy_aggregator.rest.console import STATIC
from davy_aggregator.rest.events import Cursor, to_ns
from davy_aggregator.rest.schemas import utc

Text = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


class Entry(BaseModel):
    """One operation in the journal."""

    sequence: int = Field(examples=[412], description="Number of the row in the chain.")
    at: str = Field(examples=["2026-11-28T09:14:05.204Z"])
    who: str = Field(examples=["ada"], description="Authenticated name.")
    role: str = Field(examples=["engineer"])
    via: str = Field(examples=["session"], description="session, token, certificate, open, process or none.")
    address: str = Field(examples=["10.0.4.7"], description="Network address of the caller; the machine of a process.")
    operation: str = Field(examples=["PUT /v1/edges/{edge}/config"])
    target: str = Field(examples=["/v1/edges/north/config"], description="Path and query as asked, or arguments as JSON.")
    before: Any = Field(examples=[{"cameras.face.strength": 0.8}], description="What changed, before; passwords are `***`.")
    after: Any = Field(examples=[{"cameras.face.strength": 1.0}], description="What changed, after.")
    answer: str = Field(examples=["200"], description="HTTP status, gRPC status code, or `ok` of a command.")
    request_id: str = Field(examples=["9f0c2b7d1e44"], description="X-Request-Id, which log lines repeat.")
    hash: str = Field(description="SHA-256 of the row, which covers the hash of the row before.")

    @classmethod
    def of(cls, row: JournalRow) -> "Entry":
        entry = row.entry
        names = ("who", "role", "via", "address", "operation", "target", "answer", "request_id")
        return cls(
            sequence=row.sequence,
            at=utc(entry.at_ns),
            before=_read(entry.before),
            after=_read(entry.after),
            hash=row.hash,
            **{name: getattr(entry, name) for name in names},
        )


class JournalPage(BaseModel):
    """A page of the journal, newest first."""

    entries: list[Entry]
    cursor: str | None = Field(examples=["313"], description="`cursor` parameter of the next page; null on the last one.")
    size: int = Field(description="Size of the journal in bytes.")
    max_bytes: int = Field(description="Its quota in bytes.")
    error: str = Field(description="What is wrong with the journal; empty if nothing is.")


def journal_routes(context: ServiceContext) -> APIRouter:
    """Routes /journal and /v1/journal."""
    routes = APIRouter(tags=["access"], responses=problem_responses(503))
    journal = context.journal

    @routes.get("/journal", include_in_schema=False)
    async def journal_page() -> FileResponse:
        return FileResponse(STATIC / "journal.html", headers=PAGE_HEADERS)

    @routes.get("/v1/journal", summary="List the audit journal, newest first", responses=problem_responses(422))
    async def entries(
        who: Text = None,
        operation: Annotated[Text, Query(description="Text that the operation contains.", examples=["/config"])] = None,
        since: Annotated[AwareDatetime | None, Query(description="Earliest time, inclusive; RFC 3339.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Latest time, exclusive; RFC 3339.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        cursor: Cursor = None,
    ) -> JournalPage:
        before = int(cursor) if cursor else None
        found = await journal.query(JournalQuery(who, operation, to_ns(since), to_ns(until), before, limit))
        return JournalPage(
            entries=[Entry.of(row) for row in found],
            cursor=str(found[-1].sequence) if len(found) == limit else None,
            size=journal.size_bytes,
            max_bytes=journal.max_bytes,
            error=journal.error,
        )

    return routes


def _read(state: str) -> object:
    """The JSON of a state; the text itself if somebody made it unreadable."""
    try:
        return json.loads(state) if state else None
    except ValueError:
        return state
