"""`davy config`: a mine's file, judged before anything starts; its JSON Schema; who may do what at its broker."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.mqtt.mosquitto import access_list, make_passwords, password_file
from davy.domain.errors import ConfigError
from davy.site import SiteConfig, load_site

app = typer.Typer(help="Check a site.yaml, print its JSON Schema, close its broker.", no_args_is_help=True)


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


@app.command()
def broker(
    path: Annotated[Path, typer.Argument(help="The mine's YAML file.")],
    folder: Annotated[Path, typer.Argument(help="Where acl, passwords (hashed) and compose.env (the passwords) are written.")],
) -> None:
    """Write who may say and hear what at a Mosquitto: an edge writes its own subtree only. Passwords that exist stay."""
    try:
        site = load_site(path)
        acl = access_list(site)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / "compose.env"
    known = dict(line.split("=", 1) for line in plain.read_text().splitlines()) if plain.is_file() else {}
    passwords = {user: known.get(_variable(user), new) for user, new in make_passwords(site).items()}
    kept = "".join(f"{_variable(user)}={password}\n" for user, password in passwords.items())
    for name, text, mode in (
        ("acl", acl, 0o644),
        ("passwords", password_file(passwords), 0o644),  # salted digests: the broker's own user reads them
        ("compose.env", kept, 0o600),
    ):
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
    typer.echo(f"{folder}: acl, passwords, compose.env for {len(passwords)} users: {', '.join(passwords)}")
    typer.echo(f"a service gets its own: DAVY_BROKER=mqtt://USER:PASSWORD@HOST, the passwords are in {plain}")


def _variable(user: str) -> str:
    return user.upper().replace("-", "_")


def main() -> int:
    app(standalone_mode=True)
    return 0
