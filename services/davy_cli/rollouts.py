"""`davy rollout`: roll a model out to edges and enhancers and watch it."""

from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Annotated

import typer

from davy.adapters.grpc.rollout_client import RolloutClient
from davy.v1 import model_pb2
from davy_cli.calls import Answer, ask

app = typer.Typer(
    help="Roll a model out to edges and enhancers in waves, watch it, roll it back.", no_args_is_help=True, add_completion=False
)
Aggregator = Annotated[str, typer.Option(envvar="DAVY_AGGREGATOR", help="gRPC address of the aggregator.")]
Id = Annotated[str, typer.Argument(help="Id of the rollout. Default: the newest.")]
DEFAULT = "grpc://127.0.0.1:50051"
ENDED_WELL, UNCONFIRMED = "done", "unconfirmed"


@app.command()
def start(
    model: Annotated[str, typer.Argument(help="Id or its start, the id in frames, or a tag.")],
    aggregator: Aggregator = DEFAULT,
    edge: Annotated[list[str] | None, typer.Option(help="Only this edge or enhancer; pool: all enhancers. Repeatable.")] = None,
    canaries: Annotated[int, typer.Option(min=1, help="Number of edges in the first wave.")] = 1,
    wave: Annotated[list[float] | None, typer.Option(help="Share of all edges after a wave, such as 0.1. Repeatable.")] = None,
    shadow_frames: Annotated[int, typer.Option(min=0, help="Frames that canaries enhance with both models.")] = 40,
    probation_s: Annotated[float, typer.Option(min=0, help="Probation of a new model in seconds.")] = 20,
    watch: Annotated[bool, typer.Option(help="Wait for the end of the rollout.")] = True,
) -> None:
    """Start a rollout. With --watch, the exit status is 0 only if the edges run the model at the end."""
    request = model_pb2.CreateRolloutRequest(
        model=model, edges=edge or [], canaries=canaries, waves=wave or [], shadow_frames=shadow_frames, probation_s=probation_s
    )

    async def call(client: RolloutClient) -> str:
        made = await client.create(request)
        print(f"rollout {made.id}: model {made.model[:12]} to {len(made.edges)} edges in {made.waves} waves", flush=True)
        if made.state == UNCONFIRMED:
            print(f"it waits for a second person: davy rollout confirm {made.id}", flush=True)
        return await _watch(client, made.id) if watch else ENDED_WELL

    if _run(aggregator, call) != ENDED_WELL:
        raise typer.Exit(1)


@app.command()
def confirm(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Confirm a rollout that another person started. DAVY_TOKEN is a token with the name of your user."""
    _change(aggregator, rollout, lambda client, name: client.confirm(name))


@app.command("list")
def list_(aggregator: Aggregator = DEFAULT) -> None:
    """List rollouts, newest first."""
    for rollout in _run(aggregator, lambda client: client.all()):
        wave = f"wave {rollout.wave + 1} of {rollout.waves}"
        print(f"{rollout.id}  {rollout.model[:12]}  {rollout.state:<12}  {wave}  {_people(rollout)}  {rollout.reason}".rstrip())


@app.command()
def show(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Show every edge of a rollout with its gate figures."""

    async def call(client: RolloutClient) -> model_pb2.Rollout:
        return await client.get(await _named(client, rollout))

    found = _run(aggregator, call)
    print(f"rollout {found.id}  model {found.model[:12]}  {found.state}: {found.reason or '-'}; {_people(found)}")
    for edge in found.edges:
        figures = "  ".join(f"{name} {value:g}" for name, value in sorted(edge.figures.items()))
        print(f"  wave {edge.wave + 1}  {edge.edge:<24}{edge.state:<12}{edge.cause:<20}{edge.reason}  {figures}".rstrip())


@app.command()
def watch(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Print a line at every change until the rollout has ended."""

    async def call(client: RolloutClient) -> str:
        return await _watch(client, await _named(client, rollout))

    if _run(aggregator, call) != ENDED_WELL:
        raise typer.Exit(1)


@app.command()
def pause(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Pause a rollout: no further edge gets the model."""
    _change(aggregator, rollout, lambda client, name: client.pause(name))


@app.command()
def resume(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Resume a paused rollout."""
    _change(aggregator, rollout, lambda client, name: client.resume(name))


@app.command()
def abort(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Abort a rollout: its edges return to their previous models."""
    _change(aggregator, rollout, lambda client, name: client.abort(name))


def _change(aggregator: str, rollout: str, change: Callable[[RolloutClient, str], Awaitable[model_pb2.Rollout]]) -> None:
    async def call(client: RolloutClient) -> model_pb2.Rollout:
        return await change(client, await _named(client, rollout))

    found = _run(aggregator, call)
    print(f"rollout {found.id}: {found.state}")


def _run(aggregator: str, call: Callable[[RolloutClient], Awaitable[Answer]]) -> Answer:
    return ask(RolloutClient, aggregator, call)


def _people(rollout: model_pb2.Rollout) -> str:
    confirmed = f", confirmed by {rollout.confirmed_by}" if rollout.confirmed_by else ""
    return f"started by {rollout.started_by or 'an unknown caller'}{confirmed}"


async def _named(client: RolloutClient, rollout: str) -> str:
    known = [] if rollout else await client.all()
    return known[0].id if known else rollout


async def _watch(client: RolloutClient, rollout: str) -> str:
    """Print a line at every change. Return the final state."""
    state = printed = ""
    async with aclosing(client.watch(rollout)) as changes:
        async for found in changes:
            state = found.state
            counts = Counter(edge.state for edge in found.edges)
            line = f"wave {found.wave + 1} of {found.waves}  {found.state}  " + ", ".join(f"{n} {s}" for s, n in counts.items())
            if found.reason:
                line += f"  ({found.reason})"
            if line != printed:
                print(line, flush=True)
            printed = line
    return state
