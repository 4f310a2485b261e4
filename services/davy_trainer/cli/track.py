"""`davy train track`: send the logs of runs to MLflow."""

import time
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError
from davy_trainer.cli.terminal import clear_errors
from davy_trainer.runs.tracking import Tracker

FOLLOW_EVERY_S = 10.0


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("track")(track)


def track(
    folders: Annotated[list[Path], typer.Argument(help="Folders of runs, as --out of the stages.")],
    to: Annotated[str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow server: http://host:5000, or sqlite:///FILE.")],
    experiment: Annotated[str, typer.Option(help="Name of the experiment there.")] = "davy",
    follow: Annotated[bool, typer.Option(help="Go on until interrupted, for runs at work.")] = False,
) -> None:
    """Send the logs of runs to MLflow. What was sent is kept in the run's folder and is not sent again."""
    with clear_errors():
        for folder in folders:
            if not folder.is_dir():
                raise ConfigError(f"{folder} is no folder of a run")
        tracker = Tracker(to, experiment)
        while True:
            for folder in folders:
                count = tracker.send(
                    folder, folder.resolve().name, {"folder": str(folder.resolve())}, "" if follow else "FINISHED"
                )
                typer.echo(f"{folder}: {count} values sent")
            if not follow:
                return
            time.sleep(FOLLOW_EVERY_S)
