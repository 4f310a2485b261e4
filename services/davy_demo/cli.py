"""`davy demo`: a simulated mine and every service in one process; `davy demo scenario`: the retraining loop."""

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
from davy.domain.topics import Leaf, all_cameras
from davy.site import describe_site_file, find_site_file, load_site
from davy.site_options import ConfigOption, InsecureOption
from davy.streams.tasks import end
from davy.telemetry import configure_logging
from davy_demo.all_in_one import AllInOne
from davy_demo.identities import ADMIN
from davy_demo.scenario.cli import scenario
from davy_demo.settings import DemoSettings
from davy_demo.table import as_json, live_table, one_line, summary_table
from davy_edge.cli import limit_malloc_arenas

FIRST_FRAMES_WITHIN_S = 20.0
LIVE_EVERY_S, LINES_EVERY_S = 1.0, 5.0
NOT_A_TERMINAL_COLUMNS = 120

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command()(scenario)


@app.callback(invoke_without_command=True)
def demo(
    context: typer.Context,
    config: ConfigOption = None,
    seconds: Annotated[
        float | None, typer.Option(help="Run for this long, then print a summary; 0: until Ctrl-C.", min=0)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the simulated mine.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port of the console; if it is in use, the next free one is chosen and printed.", min=0, max=65535),
    ] = None,
    table: Annotated[Literal["auto", "live", "lines", "off"] | None, typer.Option(help="Progress output.")] = None,
    summary: Annotated[Path | None, typer.Option(help="Also write the summary as JSON to this file.")] = None,
    insecure: InsecureOption = False,
    tls: Annotated[
        bool | None,
        typer.Option("--tls", help="Encrypt HTTP, gRPC and MQTT too, with an authority of its own in the data folder."),
    ] = None,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR; the log goes to stderr.")] = "WARNING",
) -> None:
    """Run a simulated mine and every service in one process: cameras, edges, broker, cache, enhancer, aggregator, console."""
    if context.invoked_subcommand:
        return
    limit_malloc_arenas()
    configure_logging("console", log_level.upper())
    given: dict[str, Any] = {"seconds": seconds, "seed": seed, "host": host, "console_port": port, "table": table}
    given["tls"] = tls
    given["access"] = "open" if insecure else None
    try:
        settings = DemoSettings(**{name: value for name, value in given.items() if value is not None})
        file = find_site_file(config)
        running = AllInOne(settings, load_site(file))
        console = Console()
        if not console.is_terminal:
            console = Console(width=NOT_A_TERMINAL_COLUMNS)
        console.print(f"site: {describe_site_file(file)}", highlight=False)
        status = asyncio.run(_run(running, console, summary))
    except DavyError as error:
        typer.echo(f"davy demo: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error
    raise typer.Exit(status)


async def _run(demo: AllInOne, console: Console, summary: Path | None) -> int:
    """Run the demo, show its progress, print the summary.

    Returns:
        0 if every camera delivered frames and every frame is accounted for, else 1.
    """
    started = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    work = asyncio.create_task(demo.run(), name="demo")
    shown = asyncio.create_task(_show(demo, console, started, stop), name="demo.show")
    await asyncio.wait({work, shown}, return_when=asyncio.FIRST_COMPLETED)
    await end(shown)
    accounts = demo.running.accounts()
    await end(work)
    if not work.cancelled() and (error := work.exception()):
        raise error
    console.print(summary_table(demo.running.views, accounts))
    if summary is not None:
        text = json.dumps(as_json(demo.running.views, accounts)) + "\n"
        await asyncio.to_thread(summary.write_text, text)
    silent = [camera for camera, view in demo.running.views.items() if not view.received]
    unexplained = sum(account.unexplained for account in accounts.values())
    if silent:
        console.print(f"no frames from {', '.join(map(str, silent))}")
    if unexplained:
        console.print(f"{unexplained} frames are not accounted for")
    return 1 if silent or unexplained else 0


async def _show(demo: AllInOne, console: Console, started: float, stop: asyncio.Event) -> None:
    """Print the addresses when the services listen, then the progress, until stopped or the time is over."""
    running, settings = demo.running, demo.settings
    for line in running.addresses.moved:
        console.print(line)
    await running.listening.wait()
    with suppress(TimeoutError):
        await asyncio.wait_for(running.all_delivered.wait(), FIRST_FRAMES_WITHIN_S)
    at, host, data = running.addresses, running.addresses.host, settings.data / "aggregator"
    missing = ", ".join(f"{camera.edge}/{camera.camera}" for camera, view in running.views.items() if not view.received)
    console.print(f"ready after {time.monotonic() - started:.1f} s" + (f"; no frame yet from {missing}" if missing else ""))
    secure = "s" if settings.tls else ""
    sign_in = f"/login#link={running.link}" if running.link else ""
    console.print(f"  console   http{secure}://{host}:{at.console}{sign_in}", soft_wrap=True)
    if sign_in:
        console.print(f"            signs you in once, as {ADMIN}; another link: davy users link {ADMIN} --data {data}")
        console.print(f"  programs  . {demo.shell_file}  sets DAVY_TOKEN and MQTT_URL for the commands of the manual")
    console.print(f"  REST      http{secure}://{host}:{at.console}/docs and http{secure}://{host}:{at.enhancer}")
    console.print(f"  frames    mqtt{secure}://{host}:{at.mqtt}  {all_cameras(Leaf.FRAME, running.site.site)}")
    console.print(f"  gRPC      grpc{secure}://{host}:{at.grpc} and grpc{secure}://{host}:{at.enhancer_grpc}")
    console.print(f"  models    http{secure}://{host}:{at.console}/models   davy models list --registry {demo.registry_url}")
    if running.note:
        console.print(f"  note      {running.note}")
    for view in running.views.values():
        view.restart()  # frames before all cameras were ready do not count
    live = settings.table == "live" or (settings.table == "auto" and console.is_terminal)
    deadline = time.monotonic() + (settings.seconds or float("inf"))
    await _tables(demo, console, deadline, stop, live)


async def _tables(demo: AllInOne, console: Console, deadline: float, stop: asyncio.Event, live: bool) -> None:
    running = demo.running
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
            elif demo.settings.table != "off":
                console.print(one_line(running.views, now), soft_wrap=True)
    finally:
        if screen:
            screen.stop()
