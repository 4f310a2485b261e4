"""`davy mine story`: the whole loop on the simulated mine, with a report."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError, DavyError
from davy.telemetry import configure_logging

DATA = Path("runs/story")
GALLERY_LIGHT = "dim=0.35&kelvin=2700&out=0"


def story(
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("docs/story"),
    data: Annotated[Path, typer.Option(help="What the services keep: an empty folder, or one of an earlier story.")] = DATA,
    change: Annotated[str, typer.Option(help="What befalls the gallery's light, as after mine://gallery?")] = GALLERY_LIGHT,
    steps: Annotated[int, typer.Option(help="Of training.", min=1)] = 220,
    log_level: Annotated[str, typer.Option(help="DEBUG, INFO, WARNING or ERROR; lines go to stderr.")] = "ERROR",
) -> None:
    """The light of a gallery changes; drift, training, canary, promotion and three bad models follow. About 12 minutes."""
    from davy_demo.scenario.folder import make_empty
    from davy_demo.scenario.run import play  # the trainer and its torch: not for every `davy mine`
    from davy_demo.scenario.setup import Timing

    configure_logging("console", log_level.upper())
    try:
        make_empty(data)
        checks = asyncio.run(play(change, steps, data.absolute(), out, Timing(), typer.echo))
    except DavyError as error:
        typer.echo(f"davy mine story: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ConfigError) else 1) from error
    for check in checks:
        typer.echo(f"{'PASS ' if check.passed else 'SHORT'}  {check.what}: {check.found} (wanted: {check.wanted})")
    typer.echo(f"{out / 'README.md'}")
    raise typer.Exit(0 if all(check.passed for check in checks) else 1)
