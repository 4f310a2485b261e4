"""`davy mine`: the whole mine in one process; `serve`, `render`, `pairs`, `truths`: its cameras; `story`: the whole loop."""

import asyncio
import json
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.live import Live

from davy.domain.errors import ConfigError, DavyError
from davy.site import load_site
from davy.streams.tasks import end
from davy.telemetry import configure_logging
from davy_demo.all_in_one import ColocatedMine
from davy_demo.scenario.cli import story
from davy_demo.settings import ColocatedSettings
from davy_demo.table import as_json, live_table, one_line, summary_table
from davy_edge.cli import limit_malloc_arenas
from davy_simulator.cli import pairs, render, serve, truths

FIRST_FRAMES_WITHIN_S = 20.0
LIVE_EVERY_S, LINES_EVERY_S = 1.0, 5.0
NOT_A_TERMINAL_COLUMNS = 120

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(serve)
app.command()(render)
app.command()(pairs)
app.command()(truths)
app.command()(story)


@app.callback(invoke_without_command=True)
def mine(
    context: typer.Context,
    config: Annotated[Path, typer.Option(help="The mine's YAML file.")] = Path("infra/site.yaml"),
    seconds: Annotated[float | None, typer.Option(help="Run this long, print a summary; 0: until Ctrl-C.", min=0)] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed, another mine.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Of the console; another where it is taken.", min=0, max=65535)] = None,
    table: Annotated[Literal["auto", "live", "lines", "off"] | None, typer.Option(help="How progress looks.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the closing summary here too, as JSON.")] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR; lines go to stderr.")] = "WARNING",
) -> None:
    """Run a whole simulated mine in one process: cameras, edges, broker, store, enhancer, aggregator, console."""
    if context.invoked_subcommand:
        return
    configure_logging("console", log_level.upper())
    words: dict[str, Any] = {"seconds": seconds, "seed": seed, "host": host, "console_port": port, "table": table}
    try:
        settings = ColocatedSettings(**{name: value for name, value in words.items() if value is not None})
        colocated = ColocatedMine(settings, load_site(config))
        console = Console()
        if not console.is_terminal:
            console = Console(width=NOT_A_TERMINAL_COLUMNS)
        status = asyncio.run(_run(colocated, console, summary))
    except DavyError as error:
        typer.echo(f"davy mine: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error
    raise typer.Exit(status)


async def _run(colocated: ColocatedMine, console: Console, summary: Path | None) -> int:
    """Run, show, and sum up.

    Returns:
        0 if every camera delivered frames and every frame is accounted for, else 1.
    """
    begun = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(colocated.run(), name="mine")
    shown = asyncio.create_task(_show(colocated, console, begun, stop), name="mine.show")
    await asyncio.wait({work, shown}, return_when=asyncio.FIRST_COMPLETED)
    await end(shown)
    accounts = colocated.running.accounts()
    await end(work)
    if not work.cancelled() and (error := work.exception()):
        raise error
    console.print(summary_table(colocated.running.views, accounts))
    if summary is not None:
        text = json.dumps(as_json(colocated.running.views, accounts)) + "\n"
        await asyncio.to_thread(summary.write_text, text)
    silent = [camera for camera, view in colocated.running.views.items() if not view.received]
    unexplained = sum(account.unexplained for account in accounts.values())
    if silent:
        console.print(f"no frame came from {', '.join(map(str, silent))}")
    if unexplained:
        console.print(f"{unexplained} frames are not accounted for")
    return 1 if silent or unexplained else 0


async def _show(colocated: ColocatedMine, console: Console, begun: float, stop: asyncio.Event) -> None:
    """Say where to look once it can be looked at, then how it goes, until stopped or the time is over."""
    running, settings = colocated.running, colocated.settings
    for line in running.addresses.moved:
        console.print(line)
    await running.listening.wait()
    with suppress(TimeoutError):
        await asyncio.wait_for(running.seen.wait(), FIRST_FRAMES_WITHIN_S)
    at, host = running.addresses, running.addresses.host
    missing = ", ".join(f"{camera.edge}/{camera.camera}" for camera, view in running.views.items() if not view.received)
    console.print(f"ready after {time.monotonic() - begun:.1f} s" + (f"; no frame yet from {missing}" if missing else ""))
    console.print(f"  console   http://{host}:{at.console}")
    console.print(f"  REST      http://{host}:{at.console}/docs and http://{host}:{at.enhancer}")
    console.print(f"  frames    mqtt://{host}:{at.mqtt}  davy/v1/{running.site.site}/+/cam/+/frame")
    console.print(f"  gRPC      grpc://{host}:{at.grpc} and grpc://{host}:{at.enhancer_grpc}")
    console.print(f"  models    http://{host}:{at.console}/models   davy models list --registry {colocated.registry_url}")
    for view in running.views.values():
        view.restart()  # what came while others still started is not what the mine delivers
    live = settings.table == "live" or (settings.table == "auto" and console.is_terminal)
    deadline = time.monotonic() + (settings.seconds or float("inf"))
    await _tables(colocated, console, deadline, stop, live)


async def _tables(colocated: ColocatedMine, console: Console, deadline: float, stop: asyncio.Event, live: bool) -> None:
    running = colocated.running
    every_s = LIVE_EVERY_S if live else LINES_EVERY_S
    screen = Live(console=console, auto_refresh=False, transient=True) if live else None
    try:
        if screen:
            screen.start()
        while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
            with_timeout = asyncio.wait_for(stop.wait(), min(every_s, left))
            await asyncio.gather(with_timeout, return_exceptions=True)
            now = time.monotonic()
            if screen:
                screen.update(live_table(running.views, running.accounts(), now), refresh=True)
            elif colocated.settings.table != "off":
                console.print(one_line(running.views, now), soft_wrap=True)
    finally:
        if screen:
            screen.stop()


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 0 done, 1 failed or frames unaccounted for, 2 the words or the file were wrong.
    """
    limit_malloc_arenas()
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
