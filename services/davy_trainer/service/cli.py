"""`davy trainer`: the training service."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from davy.adapters.http.listening import Ports
from davy.domain.errors import ConfigError, DavyError
from davy.site_options import InsecureOption, LogStyleOption
from davy.telemetry import configure_logging, get_logger
from davy_trainer.service.app import serve
from davy_trainer.service.settings import TrainerSettings

log = get_logger(__name__)
app = typer.Typer(add_completion=False)


@app.command()
def trainer(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for all. Default: DAVY_TRAINER_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="HTTP port; 0 chooses a free one.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="gRPC port; 0 chooses a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the runs. Default: DAVY_TRAINER_DATA.")] = None,
    aggregator: Annotated[str | None, typer.Option(help="HTTP address of the aggregator, for samples and drift.")] = None,
    registry: Annotated[str | None, typer.Option(help="Registry of accepted models: file:///srv/models, s3://...")] = None,
    keys: Annotated[Path | None, typer.Option(help="Folder of the signing keys.")] = None,
    schedule: Annotated[list[str] | None, typer.Option(help='Cron line and kind: "0 2 * * * prompts". Repeatable.')] = None,
    drift_above: Annotated[float | None, typer.Option(help="Drift that starts a run for a camera.")] = None,
    insecure: InsecureOption = False,
    log_style: LogStyleOption = "json",
) -> None:
    """Serve training until interrupted. `davy config env` lists the other settings."""
    configure_logging(log_style)
    given: dict[str, Any] = {"host": host, "port": port, "grpc_port": grpc_port, "data": data, "aggregator": aggregator}
    given |= {"registry": registry, "keys": keys, "schedule": schedule, "drift_above": drift_above}
    given["access"] = "open" if insecure else None
    try:
        settings = TrainerSettings(**{name: value for name, value in given.items() if value is not None})
        asyncio.run(_run(settings))
    except ValidationError as error:
        for each in error.errors():
            where = "__".join(map(str, each["loc"])).upper()
            typer.echo(f"DAVY_TRAINER_{where}: {each['msg']}" if where else f"davy trainer: {each['msg']}", err=True)
        raise typer.Exit(2) from error
    except DavyError as error:
        typer.echo(f"davy trainer: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error


async def _run(settings: TrainerSettings) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    def print_addresses(ports: Ports) -> None:
        shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host
        secure = "s" if settings.tls.files() is not None else ""
        print(
            f"training  http{secure}://{shown}:{ports.http}/training\ngrpc      grpc{secure}://{shown}:{ports.grpc}", flush=True
        )

    try:
        await serve(settings, ready=print_addresses)
    except asyncio.CancelledError:
        log.info("trainer.stopped")
