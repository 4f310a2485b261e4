"""`davy config`: check a site.yaml, print its JSON Schema, list environment variables, restrict its broker."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from davy.adapters.mqtt.mosquitto import (
    PLUGIN_OF_IMAGE,
    configuration,
    find_plugin,
    make_passwords,
    password_listener,
    plugin_lines,
    security,
)
from davy.domain.errors import ConfigError, InvalidInputError
from davy.site import describe_site_file, find_site_file, load_site
from davy_cli.environment import FORMATS, variables
from davy_cli.init import schema_text

app = typer.Typer(
    help="Check a site.yaml, print its JSON Schema, list environment variables, restrict its broker.",
    no_args_is_help=True,
    add_completion=False,
)
SitePath = Annotated[Path | None, typer.Argument(help="Site file. Default: site.yaml, else the built-in site.")]


@app.command()
def check(path: SitePath = None) -> None:
    """Validate a site.yaml and list its cameras; report each error with its line."""
    path = find_site_file(path)
    try:
        site = load_site(path)
    except ConfigError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"{describe_site_file(path)}: site {site.site}, {len(site.edges)} edges, {len(site.camera_ids())} cameras")
    for camera_id in site.camera_ids():
        typer.echo(f"  {camera_id.edge}/{camera_id.camera}  {site.camera(camera_id).source}")


@app.command()
def schema() -> None:
    """Print the JSON Schema for completion and checks in editors."""
    typer.echo(schema_text(), nl=False)


@app.command()
def env(
    output: Annotated[Literal["text", "markdown", "json"], typer.Option("--format", help="Format of the list.")] = "text",
) -> None:
    """List every environment variable of every program with its type, default and meaning."""
    typer.echo(FORMATS[output](variables()))


@app.command()
def broker(
    path: Annotated[Path, typer.Argument(help="Site file.")],
    folder: Annotated[
        Path, typer.Argument(help="Folder for mosquitto.conf, security.json (passwords hashed) and plain.env (the passwords).")
    ],
    port: Annotated[int, typer.Option(help="Port of the broker.")] = 1883,
    user: Annotated[
        list[str] | None,
        typer.Option(help="Further user: davy-aggregator-NAME, davy-viewer-NAME or davy-program-NAME. Repeatable."),
    ] = None,
) -> None:
    """Write Mosquitto's configuration, users and their rights: an edge may publish only below its own topic.

    Existing passwords stay. Certificates instead of passwords: `davy provision`.
    """
    more = tuple(user or ())
    try:
        site = load_site(path)
        new = make_passwords(site, more)
    except InvalidInputError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / "plain.env"
    known = dict(line.split("=", 1) for line in plain.read_text().splitlines()) if plain.is_file() else {}
    passwords = {user: known.get(_variable(user), password) for user, password in new.items()}
    kept = "".join(f"{_variable(user)}={password}\n" for user, password in passwords.items())
    for name, text, mode in (
        ("mosquitto.conf", _configuration(folder.absolute(), port), 0o644),
        ("security.json", security(site, passwords, more), 0o644),  # salted hashes, readable by the broker's user
        ("plain.env", kept, 0o600),
    ):
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)
    typer.echo(f"{folder}: mosquitto.conf, security.json, plain.env for {len(passwords)} users: {', '.join(passwords)}")
    typer.echo(f"set DAVY_BROKER=mqtt://USER:PASSWORD@HOST for each service, one user each; the passwords are in {plain}")


def _configuration(folder: Path, port: int) -> str:
    plugin = str(find_plugin() or PLUGIN_OF_IMAGE)
    return configuration(password_listener(str(port)), more=plugin_lines(plugin, str(folder / "security.json")))


def _variable(user: str) -> str:
    return user.upper().replace("-", "_")
