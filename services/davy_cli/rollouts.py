"""`davy rollout`: bring a model to the edges, and watch."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Annotated

import typer

from davy.adapters.grpc import rollout_client
from davy.adapters.grpc.rollout_client import RolloutClient
from davy.v1 import model_pb2

app = typer.Typer(
    help="Bring a model to the edges in waves, watch it, take it back.", no_args_is_help=True, add_completion=False
)
Aggregator = Annotated[str, typer.Option(envvar="DAVY_AGGREGATOR", help="Its gRPC address.")]
Id = Annotated[str, typer.Argument(help="Of the rollout; the newest if absent.")]
DEFAULT = "grpc://127.0.0.1:50051"
ENDED_WELL = "done"


@app.command()
def start(
    model: Annotated[str, typer.Argument(help="An id or its start, the id that frames carry, or a tag.")],
    aggregator: Aggregator = DEFAULT,
    edge: Annotated[list[str] | None, typer.Option(help="Only these edges. May be repeated.")] = None,
    canaries: Annotated[int, typer.Option(min=1, help="Edges of the first wave.")] = 1,
    wave: Annotated[list[float] | None, typer.Option(help="Share of all edges after each wave: 0.1 0.5 1.")] = None,
    shadow_frames: Annotated[int, typer.Option(min=0, help="On canaries: pictures that both models see.")] = 40,
    probation_s: Annotated[float, typer.Option(min=0, help="How long a new model is watched.")] = 20,
    watch: Annotated[bool, typer.Option(help="Stay until it has ended.")] = True,
) -> None:
    """Begin a rollout. With --watch the exit status is 0 only if the edges run the model in the end."""
    request = model_pb2.CreateRolloutRequest(
        model=model, edges=edge or [], canaries=canaries, waves=wave or [], shadow_frames=shadow_frames, probation_s=probation_s
    )

    async def work(client: RolloutClient) -> str:
        made = await client.create(request)
        print(f"rollout {made.id}: model {made.model[:12]} to {len(made.edges)} edges in {made.waves} waves", flush=True)
        return await _watch(client, made.id) if watch else ENDED_WELL

    if _run(aggregator, work) != ENDED_WELL:
        raise typer.Exit(1)


@app.command("list")
def list_(aggregator: Aggregator = DEFAULT) -> None:
    """The newest first."""
    for rollout in _run(aggregator, lambda client: client.all()):
        wave = f"wave {rollout.wave + 1} of {rollout.waves}"
        print(f"{rollout.id}  {rollout.model[:12]}  {rollout.state:<12}  {wave}  {rollout.reason}".rstrip())


@app.command()
def show(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Every edge of a rollout, with its gate figures."""

    async def work(client: RolloutClient) -> model_pb2.Rollout:
        return await client.get(await _named(client, rollout))

    found = _run(aggregator, work)
    print(f"rollout {found.id}  model {found.model[:12]}  {found.state}: {found.reason or '-'}")
    for edge in found.edges:
        figures = "  ".join(f"{name} {value:g}" for name, value in sorted(edge.figures.items()))
        print(f"  wave {edge.wave + 1}  {edge.edge:<24}{edge.state:<12}{edge.cause:<20}{edge.reason}  {figures}".rstrip())


@app.command()
def watch(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """A line at every change, until it has ended."""

    async def work(client: RolloutClient) -> str:
        return await _watch(client, await _named(client, rollout))

    if _run(aggregator, work) != ENDED_WELL:
        raise typer.Exit(1)


@app.command()
def pause(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Tell no further edge."""
    _change(aggregator, rollout, lambda client, name: client.pause(name))


@app.command()
def resume(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """Go on."""
    _change(aggregator, rollout, lambda client, name: client.resume(name))


@app.command()
def abort(rollout: Id = "", aggregator: Aggregator = DEFAULT) -> None:
    """End it: the edges that it has reached go back to what they ran before."""
    _change(aggregator, rollout, lambda client, name: client.abort(name))


def _change(aggregator: str, rollout: str, change: Callable[[RolloutClient, str], Awaitable[model_pb2.Rollout]]) -> None:
    async def work(client: RolloutClient) -> model_pb2.Rollout:
        return await change(client, await _named(client, rollout))

    found = _run(aggregator, work)
    print(f"rollout {found.id}: {found.state}")


def _run(aggregator: str, work: Callable[[RolloutClient], Awaitable[rollout_client.Answer]]) -> rollout_client.Answer:
    async def run() -> rollout_client.Answer:
        async with rollout_client.connect(aggregator) as client:
            return await work(client)

    return asyncio.run(run())


async def _named(client: RolloutClient, rollout: str) -> str:
    known = [] if rollout else await client.all()
    return known[0].id if known else rollout


async def _watch(client: RolloutClient, rollout: str) -> str:
    """Print a line at every change; returns the state at the end."""
    state = said = ""
    async with aclosing(client.watch(rollout)) as changes:
        async for found in changes:
            state = found.state
            counts = Counter(edge.state for edge in found.edges)
            line = f"wave {found.wave + 1} of {found.waves}  {found.state}  " + ", ".join(f"{n} {s}" for s, n in counts.items())
            if found.reason:
                line += f"  ({found.reason})"
            if line != said:
                print(line, flush=True)
            said = line
    return state
