"""`davy analyser`: analyse cameras of an aggregator in a process of its own."""

import asyncio
from typing import Annotated

import typer

from davy.adapters.otlp import tracing
from davy.service_command import chosen, reporting_errors, run_until_signal
from davy.site_options import ConfigOption, LogStyleOption, load_chosen_site
from davy.telemetry import configure_logging
from davy_analyser.app import serve
from davy_analyser.settings import AnalyserSettings

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
    given = chosen({"name": name, "metrics_port": metrics_port})
    with reporting_errors("analyser"):
        settings = AnalyserSettings(**given)
        with tracing("analyser"):
            asyncio.run(run_until_signal("analyser", serve(settings, load_chosen_site(config))))
