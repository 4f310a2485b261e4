"""`davy aggregator`: collect frames and events of one site; serve REST, gRPC, the console and metrics."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry, ProcessCollector

from davy.adapters.http.listening import Ports
from davy.adapters.otlp import tracing
from davy.service_command import chosen, reachable, reporting_errors, run_until_signal
from davy.site_options import ConfigOption, InsecureOption, LogStyleOption, load_chosen_site
from davy.telemetry import configure_logging
from davy_aggregator.app import serve
from davy_aggregator.settings import AggregatorSettings

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
    given = chosen({"host": host, "port": port, "grpc_port": grpc_port, "data": data, "access": "open" if insecure else None})
    with reporting_errors("aggregator"):
        settings = AggregatorSettings(**given)
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def print_addresses(ports: Ports) -> None:
            shown, secure = reachable(settings.host), "s" if settings.tls.files() is not None else ""
            print(f"console  http{secure}://{shown}:{ports.http}\ngrpc     grpc{secure}://{shown}:{ports.grpc}", flush=True)

        with tracing("aggregator"):
            asyncio.run(run_until_signal("aggregator", serve(settings, load_chosen_site(config), registry, print_addresses)))
