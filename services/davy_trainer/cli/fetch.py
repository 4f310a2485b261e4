"""`davy train fetch`: copy pictures of an object storage for training."""

from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.storage.fetch import fetch
from davy_trainer.cli.terminal import clear_errors, progress_bar
from davy_trainer.data.photographs import SUFFIXES


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("fetch")(fetch_pictures)


def fetch_pictures(
    url: Annotated[str, typer.Argument(help="s3://bucket/pictures, or another URL of fsspec.")],
    folder: Annotated[Path, typer.Argument(help="Folder of the copies, for --data, --low or --normal.")],
) -> None:
    """Copy the pictures below a URL to a folder. Those that are there are kept; a stopped copy goes on."""
    with clear_errors(), progress_bar("pictures", {}) as advance:
        copied = fetch(url, folder, SUFFIXES, lambda done, total: advance(done, total, {}))
    typer.echo(f"{folder}: {copied} pictures copied")
