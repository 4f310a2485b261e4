"""`davy alarms`: list, watch, acknowledge and shelve alarms."""

import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict

from davy.adapters.grpc.alarm_client import AlarmClient
from davy.v1 import alarm_pb2, ingest_pb2
from davy_cli.calls import Answer, ask

app = typer.Typer(help="List, watch, acknowledge and shelve alarms.", no_args_is_help=True, add_completion=False)
Aggregator = Annotated[str, typer.Option(envvar="DAVY_AGGREGATOR", help="gRPC address of the aggregator.")]
Id = Annotated[str, typer.Argument(help="Id of the alarm, such as lens-blocked:north.face.")]
Ids = Annotated[list[str], typer.Argument(help="Ids of alarms.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one alarm per line.")]
DEFAULT = "grpc://127.0.0.1:50051"


@app.command("list")
def list_(aggregator: Aggregator = DEFAULT, as_json: Json = False) -> None:
    """List alarms that are not normal, the most urgent first."""
    found = _run(aggregator, lambda client: client.all())
    for alarm in found:
        _print(alarm, as_json)
    if not found and not as_json:
        print("no alarms")


@app.command()
def watch(aggregator: Aggregator = DEFAULT, as_json: Json = False) -> None:
    """Print every alarm, then each that changes."""

    async def call(client: AlarmClient) -> None:
        async with aclosing(client.watch()) as changes:
            async for changed in changes:
                for alarm in changed:
                    _print(alarm, as_json)

    _run(aggregator, call)


@app.command()
def history(
    alarm: Annotated[str, typer.Argument(help="Id of the alarm. Default: all.")] = "",
    aggregator: Aggregator = DEFAULT,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Number of changes.")] = 50,
) -> None:
    """List changes of alarms, newest first."""
    for change in _run(aggregator, lambda client: client.changes(alarm, limit)):
        who = f"  {change.who}" if change.who else ""
        words = f": {change.words}" if change.words else ""
        print(f"{_time(change.at_ns)}  {change.transition:<13} {change.alarm:<40} {change.message}{who}{words}")


@app.command()
def acknowledge(
    alarms: Ids,
    words: Annotated[str, typer.Option(help="What you say about it.")] = "",
    aggregator: Aggregator = DEFAULT,
) -> None:
    """Acknowledge alarms in the name of your identity (DAVY_TOKEN, or a certificate)."""
    _answer(aggregator, alarms, lambda client, alarm: client.acknowledge(alarm, words))


@app.command()
def shelve(
    alarms: Ids,
    words: Annotated[str, typer.Option(help="Why.", prompt=True)],
    minutes: Annotated[float, typer.Option(min=0.1, help="For how long.")] = 60,
    aggregator: Aggregator = DEFAULT,
) -> None:
    """Hide alarms for a time."""
    _answer(aggregator, alarms, lambda client, alarm: client.shelve(alarm, words, minutes * 60))


@app.command()
def unshelve(alarms: Ids, words: Annotated[str, typer.Option(help="Why.")] = "", aggregator: Aggregator = DEFAULT) -> None:
    """Show shelved alarms again."""
    _answer(aggregator, alarms, lambda client, alarm: client.unshelve(alarm, words))


def _answer(aggregator: str, alarms: list[str], act: Callable[[AlarmClient, str], Awaitable[alarm_pb2.Alarm]]) -> None:
    async def call(client: AlarmClient) -> list[alarm_pb2.Alarm]:
        return [await act(client, alarm) for alarm in alarms]

    for alarm in _run(aggregator, call):
        print(f"{alarm.id}: {_state(alarm)}")


def _run(aggregator: str, call: Callable[[AlarmClient], Awaitable[Answer]]) -> Answer:
    return ask(AlarmClient, aggregator, call)


def _print(alarm: alarm_pb2.Alarm, as_json: bool) -> None:
    if as_json:
        print(json.dumps(MessageToDict(alarm, preserving_proto_field_name=True)), flush=True)
        return
    severity = ingest_pb2.Severity.Name(alarm.severity).removeprefix("SEVERITY_")
    by = f"  ({alarm.acknowledged.who}: {alarm.acknowledged.words or 'acknowledged'})" if alarm.acknowledged.at_ns else ""
    print(f"{_time(alarm.raised_ns)}  {severity:<8}{_state(alarm):<16} {alarm.id:<40} {alarm.message}{by}", flush=True)


def _state(alarm: alarm_pb2.Alarm) -> str:
    return alarm_pb2.AlarmState.Name(alarm.state).removeprefix("ALARM_STATE_").lower().replace("_", "-")


def _time(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns / 1e9, UTC):%F %T}Z" if time_ns else " " * 20
