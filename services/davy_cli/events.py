"""`davy events`: find and follow the events of a site."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from davy.adapters.tls import Tls, TlsSettings
from davy.client import Client, Event
from davy.domain.severity import SeverityName

app = typer.Typer(help="Find and follow the events of a site.", no_args_is_help=True, add_completion=False)
Console = Annotated[str, typer.Option(help="HTTP address of the aggregator.")]
Severity = Annotated[SeverityName, typer.Option(help="Minimum severity: info, warning or alarm.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one event per line.")]
DEFAULT = "http://127.0.0.1:8080"
Answer = TypeVar("Answer")


@app.command("list")
def list_(
    camera: Annotated[str, typer.Option(help="Only this camera: edge.camera.")] = "",
    kind: Annotated[str, typer.Option(help="Only this kind, such as lens-blocked.")] = "",
    severity: Severity = "info",
    since: Annotated[datetime | None, typer.Option(help="Earliest time, in local time.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Latest time, in local time.")] = None,
    text: Annotated[str, typer.Option(help="Text of message or kind.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of events.")] = 50,
    console: Console = DEFAULT,
    as_json: Json = False,
) -> None:
    """List events, newest first."""
    begin, end = (at.astimezone() if at is not None else None for at in (since, until))

    async def call(client: Client) -> list[Event]:
        return await client.events.search(
            since=begin, until=end, camera=camera, kind=kind, severity=severity, text=text, limit=limit
        )

    for event in _run(console, call):
        _print(event, as_json)


@app.command()
def follow(
    after: Annotated[int | None, typer.Option(help="Id of the last known event. Default: new events only.")] = None,
    severity: Severity = "info",
    console: Console = DEFAULT,
    as_json: Json = False,
) -> None:
    """Print events as they come. A lost connection is opened anew, and no event is left out."""

    async def call(client: Client) -> None:
        async with aclosing(client.events.follow(after, severity)) as events:
            async for event in events:
                _print(event, as_json)

    _run(console, call)


def _run(console: str, call: Callable[[Client], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with Client(console, identity=Tls.of(TlsSettings())) as client:
            return await call(client)

    return asyncio.run(run())


def _print(event: Event, as_json: bool) -> None:
    if as_json:
        print(event.model_dump_json(), flush=True)
        return
    line = f"{event.occurred_at:%F %T}Z  {event.severity:<8}{event.kind:<20} {event.camera or event.edge:<24} {event.message}"
    print("".join(each if each.isprintable() else " " for each in line), flush=True)
