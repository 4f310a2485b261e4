"""`davy company`: many sites on one page."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from davy.domain.errors import ConfigError, DavyError
from davy.site_options import InsecureOption, LogStyleOption
from davy.telemetry import configure_logging, get_logger
from davy_company.app import serve
from davy_company.config import CompanyConfig
from davy_company.settings import CompanySettings

log = get_logger(__name__)
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
    try:
        settings = CompanySettings(**{name: value for name, value in given.items() if value is not None})
        asyncio.run(_run(settings, CompanyConfig.load(settings.config)))
    except ValidationError as error:
        for each in error.errors():
            where = "__".join(map(str, each["loc"])).upper()
            typer.echo(f"DAVY_COMPANY_{where}: {each['msg']}" if where else f"davy company: {each['msg']}", err=True)
        raise typer.Exit(2) from error
    except DavyError as error:
        typer.echo(f"davy company: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error


async def _run(settings: CompanySettings, config: CompanyConfig) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    def print_address(port: int) -> None:
        shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        print(f"company  http{'s' if settings.tls.files() is not None else ''}://{shown}:{port}/", flush=True)

    try:
        await serve(settings, config, ready=print_address)
    except asyncio.CancelledError:
        log.info("company.stopped")
