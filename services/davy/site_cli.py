"""`davy config check FILE` and `davy config schema`: a mine's file, judged before anything starts."""

import json
from pathlib import Path
from typing import Annotated

import typer

from davy.errors import ConfigError
from davy.site import SiteConfig, load_site

app = typer.Typer(help="Check a mine.yaml, print its JSON Schema.", no_args_is_help=True)


@app.command()
def check(path: Annotated[Path, typer.Argument(help="The mine's YAML file.")]) -> None:
    """Say what the file holds, or what is wrong in which line."""
    try:
        site = load_site(path)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{path}: site {site.site}, {len(site.edges)} edges, {len(site.camera_ids())} cameras")
    for camera_id in site.camera_ids():
        typer.echo(f"  {camera_id.edge}/{camera_id.camera}  {site.camera(camera_id).source}")


@app.command()
def schema() -> None:
    """Print the JSON Schema that editors use to complete and check the file."""
    typer.echo(json.dumps(SiteConfig.model_json_schema(), indent=2))


def main() -> int:
    app(standalone_mode=True)
    return 0
