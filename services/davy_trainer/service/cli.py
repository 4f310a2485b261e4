"""`davy trainer`: the training service."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from davy.adapters.http.listening import Ports
from davy.service_command import chosen, reachable, reporting_errors, run_until_signal
from davy.site_options import InsecureOption, LogStyleOption
from davy.telemetry import configure_logging
from davy_trainer.service.app import serve
from davy_trainer.service.settings import TrainerSettings

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
    with reporting_errors("trainer"):
        settings = TrainerSettings(**chosen(given))

        def print_addresses(ports: Ports) -> None:
            shown, secure = reachable(settings.host), "s" if settings.tls.files() is not None else ""
            addresses = f"training  http{secure}://{shown}:{ports.http}/training\ngrpc      grpc{secure}://{shown}:{ports.grpc}"
            print(addresses, flush=True)

        asyncio.run(run_until_signal("trainer", serve(settings, ready=print_addresses)))
