"""`davy edge`: enhance the cameras of one edge and send the frames on."""

import asyncio
import ctypes
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from davy.adapters.otlp import tracing
from davy.domain.errors import ConfigError, DavyError
from davy.site import SiteConfig
from davy.site_options import ConfigOption, LogStyleOption, load_chosen_site
from davy.telemetry import configure_logging, get_logger
from davy_edge.app import serve
from davy_edge.settings import EdgeSettings

M_ARENA_MAX = -8  # of malloc.h

log = get_logger(__name__)
app = typer.Typer(add_completion=False)


@app.command()
def edge(
    config: ConfigOption = None,
    edge: Annotated[str | None, typer.Option(help="Id of the edge in the site's file. Default: DAVY_EDGE_EDGE.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the event spool. Default: DAVY_EDGE_DATA.")] = None,
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port of /metrics and /healthz; 0 disables them.")] = None,
    log_style: LogStyleOption = "json",
) -> None:
    """Enhance the cameras of one edge until interrupted. `davy config env` lists its other settings."""
    limit_malloc_arenas()
    configure_logging(log_style)
    given: dict[str, Any] = {"edge": edge, "data": data, "model": model, "metrics_port": metrics_port}
    try:
        settings = EdgeSettings(**{name: value for name, value in given.items() if value is not None})
        with tracing("edge"):
            asyncio.run(_run(settings, load_chosen_site(config)))
    except ValidationError as error:
        for each in error.errors():
            typer.echo(f"DAVY_EDGE_{'__'.join(map(str, each['loc'])).upper()}: {each['msg']}", err=True)
        raise typer.Exit(2) from error
    except DavyError as error:
        typer.echo(f"davy edge: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error


async def _run(settings: EdgeSettings, site: SiteConfig) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await serve(settings, site)
    except asyncio.CancelledError:
        log.info("edge.ended")


def limit_malloc_arenas() -> None:
    """Limit glibc to two heaps instead of sixteen: an edge with 4 cameras then needs 240 MB instead of 360 (measured)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
