"""`davy enhancer`: run the enhancement service."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from prometheus_client import CollectorRegistry

from davy.adapters.otlp import tracing
from davy.service_command import chosen, reporting_errors, run_until_signal
from davy.site import SiteConfig, load_site
from davy.site_options import InsecureOption, LogStyleOption
from davy.telemetry import configure_logging, get_logger
from davy_enhancer.app import Addresses, serve
from davy_enhancer.settings import EnhancerSettings

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
log = get_logger(__name__)


@app.command()
def run(
    config: Annotated[Path | None, typer.Option(help="Site file; enhance the raw frames of its pool edges.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="REST port; 0 chooses a free one.", min=0, max=65535)] = None,
    grpc_port: Annotated[int | None, typer.Option(help="gRPC port; 0 chooses a free one.", min=0, max=65535)] = None,
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    threads: Annotated[int | None, typer.Option(help="Images to enhance at the same time.", min=1)] = None,
    insecure: InsecureOption = False,
    log_style: LogStyleOption = "json",
) -> None:
    """Serve enhancement over REST, gRPC and MQTT until interrupted. `davy config env` lists the other settings."""
    configure_logging(log_style)
    given: dict[str, Any] = {"host": host, "port": port, "grpc_port": grpc_port, "model": model, "threads": threads}
    given["access"] = "open" if insecure else None
    with reporting_errors("enhancer"):
        settings = EnhancerSettings(**chosen(given))
        site = load_site(config) if config else None
        with tracing("enhancer"):
            asyncio.run(run_until_signal("enhancer", serve(settings, CollectorRegistry(), site, partial(_log_ready, site))))


def _log_ready(site: SiteConfig | None, addresses: Addresses) -> None:
    pool = f"enhances raw frames of site {site.site} from {site.broker}" if site else "no site configured, no pool"
    log.info("enhancer.ready", http_port=addresses.http_port, grpc_port=addresses.grpc_port, pool=pool)
