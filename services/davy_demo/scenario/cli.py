"""`davy demo scenario`: the complete retraining loop on the simulated mine, with a report."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError, DavyError
from davy.telemetry import configure_logging

FOLDER = Path("runs/scenario")
GALLERY_LIGHT = "dim=0.35&kelvin=2700&out=0"


def scenario(
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = FOLDER / "report",
    data: Annotated[Path, typer.Option(help="Data folder: an empty one, or that of an earlier scenario.")] = FOLDER / "data",
    change: Annotated[str, typer.Option(help="Change of the gallery's light: query of a simulator:// source.")] = GALLERY_LIGHT,
    steps: Annotated[int, typer.Option(help="Number of training steps.", min=1)] = 220,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR; the log goes to stderr.")] = "ERROR",
) -> None:
    """Change the light of a gallery, then observe drift, training, rollout and three bad models. Takes about 12 minutes."""
    from davy_demo.scenario.folder import make_empty
    from davy_demo.scenario.run import run_scenario  # imports torch, which `davy demo` does not need
    from davy_demo.scenario.setup import Timing

    configure_logging("console", log_level.upper())
    try:
        make_empty(data)
        checks = asyncio.run(run_scenario(change, steps, data.absolute(), out, Timing(), typer.echo))
    except DavyError as error:
        typer.echo(f"davy demo scenario: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error
    for check in checks:
        typer.echo(f"{'PASS ' if check.passed else 'SHORT'}  {check.title}: {check.found} (wanted: {check.wanted})")
    typer.echo(f"{out / 'README.md'}")
    raise typer.Exit(0 if all(check.passed for check in checks) else 1)
