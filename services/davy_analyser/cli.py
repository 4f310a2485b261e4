"""`davy analyser`: analyse cameras of an aggregator in a process of its own."""

import asyncio
import signal
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from davy.adapters.otlp import tracing
from davy.domain.errors import ConfigError, DavyError
from davy.site import SiteConfig
from davy.site_options import ConfigOption, LogStyleOption, load_chosen_site
from davy.telemetry import configure_logging, get_logger
from davy_analyser.app import serve
from davy_analyser.settings import AnalyserSettings

log = get_logger(__name__)
app = typer.Typer(add_completion=False)


@app.command()
def analyser(
    config: ConfigOption = None,
    name: Annotated[str | None, typer.Option(help="Name in the aggregator's log. Default: DAVY_ANALYSER_NAME.")] = None,
    metrics_port: Annotated[int | None, typer.Option(help="Port of /metrics and /healthz; 0 disables them.")] = None,
    log_style: LogStyleOption = "json",
) -> None:
    """Analyse the cameras that the aggregator assigns, until interrupted. The aggregator needs DAVY_ANALYSIS_RUN_IN=workers."""
    configure_logging(log_style)
    given: dict[str, Any] = {"name": name, "metrics_port": metrics_port}
    try:
        settings = AnalyserSettings(**{name: value for name, value in given.items() if value is not None})
        with tracing("analyser"):
            asyncio.run(_run(settings, load_chosen_site(config)))
    except ValidationError as error:
        for each in error.errors():
            typer.echo(f"DAVY_ANALYSER_{'__'.join(map(str, each['loc'])).upper()}: {each['msg']}", err=True)
        raise typer.Exit(2) from error
    except DavyError as error:
        typer.echo(f"davy analyser: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error


async def _run(settings: AnalyserSettings, site: SiteConfig) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await serve(settings, site)
    except asyncio.CancelledError:
        log.info("analyser.stopped")
