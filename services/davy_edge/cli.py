"""`davy edge`: enhance the cameras of one edge and send the frames on."""

import asyncio
import ctypes
from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.otlp import tracing
from davy.service_command import chosen, reporting_errors, run_until_signal
from davy.site_options import ConfigOption, LogStyleOption, load_chosen_site
from davy.telemetry import configure_logging
from davy_edge.app import serve
from davy_edge.settings import EdgeSettings

M_ARENA_MAX = -8  # of malloc.h

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
    given = chosen({"edge": edge, "data": data, "model": model, "metrics_port": metrics_port})
    with reporting_errors("edge"):
        settings = EdgeSettings(**given)
        with tracing("edge"):
            asyncio.run(run_until_signal("edge", serve(settings, load_chosen_site(config))))


def limit_malloc_arenas() -> None:
    """Limit glibc to two heaps instead of sixteen: an edge with 4 cameras then needs 240 MB instead of 360 (measured)."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
