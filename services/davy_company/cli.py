"""`davy company`: many sites on one page."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from davy.service_command import chosen, reachable, reporting_errors, run_until_signal
from davy.site_options import InsecureOption, LogStyleOption
from davy.telemetry import configure_logging
from davy_company.app import serve
from davy_company.config import CompanyConfig
from davy_company.settings import CompanySettings

app = typer.Typer(add_completion=False)


@app.command()
def company(
    config: Annotated[
        Path | None, typer.Option(help="The company's file. Default: DAVY_COMPANY_CONFIG, or company.yaml.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all. Default: DAVY_COMPANY_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="HTTP port; 0 chooses a free one.")] = None,
    directory: Annotated[
        str | None, typer.Option(help="HTTP address of the aggregator that knows who may sign in here.")
    ] = None,
    insecure: InsecureOption = False,
    log_style: LogStyleOption = "json",
) -> None:
    """Serve one page with all sites of a company until interrupted. `davy config env` lists the other settings."""
    configure_logging(log_style)
    given: dict[str, Any] = {"config": config, "host": host, "port": port, "directory": directory}
    given["access"] = "open" if insecure else None
    with reporting_errors("company"):
        settings = CompanySettings(**chosen(given))

        def print_address(port: int) -> None:
            secure = "s" if settings.tls.files() is not None else ""
            print(f"company  http{secure}://{reachable(settings.host)}:{port}/", flush=True)

        sites = CompanyConfig.load(settings.config)
        asyncio.run(run_until_signal("company", serve(settings, sites, ready=print_address)))
