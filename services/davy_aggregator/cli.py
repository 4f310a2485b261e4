"""`davy aggregator`: collect frames and events of one site; serve REST, gRPC, the console and metrics."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from prometheus_client import CollectorRegistry, ProcessCollector
from pydantic import ValidationError

from davy.adapters.http.listening import Ports
from davy.adapters.otlp import tracing
from davy.domain.errors import ConfigError, DavyError
from davy.site import SiteConfig
from davy.site_options import ConfigOption, InsecureOption, LogStyleOption, load_chosen_site
from davy.telemetry import configure_logging, get_logger
from davy_aggregator.app import serve
from davy_aggregator.settings import AggregatorSettings

log = get_logger(__name__)
app = typer.Typer(add_completion=False)


@app.command()
def aggregator(
    config: ConfigOption = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0: all.")] = None,
    port: Annotated[int | None, typer.Option(help="HTTP port; 0 chooses a free one.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="gRPC port; 0 chooses a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the event archive. Default: DAVY_AGGREGATOR_DATA.")] = None,
    insecure: InsecureOption = False,
    log_style: LogStyleOption = "json",
) -> None:
    """Collect frames and events until interrupted. `davy config env` lists the other settings."""
    configure_logging(log_style)
    given: dict[str, Any] = {"host": host, "port": port, "grpc_port": grpc_port, "data": data}
    given["access"] = "open" if insecure else None
    try:
        settings = AggregatorSettings(**{name: value for name, value in given.items() if value is not None})
        with tracing("aggregator"):
            asyncio.run(_run(settings, load_chosen_site(config)))
    except ValidationError as error:
        for each in error.errors():
            typer.echo(f"DAVY_AGGREGATOR_{'__'.join(map(str, each['loc'])).upper()}: {each['msg']}", err=True)
        raise typer.Exit(2) from error
    except DavyError as error:
        typer.echo(f"davy aggregator: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error


async def _run(settings: AggregatorSettings, site: SiteConfig) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    def print_addresses(ports: Ports) -> None:
        shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        secure = "s" if settings.tls.files() is not None else ""
        print(f"console  http{secure}://{shown}:{ports.http}\ngrpc     grpc{secure}://{shown}:{ports.grpc}", flush=True)

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    try:
        await serve(settings, site, registry, print_addresses)
    except asyncio.CancelledError:
        log.info("aggregator.stopped")
