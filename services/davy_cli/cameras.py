"""`davy cameras`: search the networks of this machine for ONVIF cameras."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from davy.adapters.onvif import CameraSearch, SearchRequest, named_camera
from davy.domain.errors import ConfigError
from davy.domain.network_camera import NO_LOGIN, Login, MediaProfile, NetworkCamera

app = typer.Typer(help="Search the network for cameras.", no_args_is_help=True, add_completion=False)


@app.callback()
def cameras() -> None:
    """Search the network for cameras."""


@app.command()
def discover(
    timeout: Annotated[float, typer.Option(min=0.5, max=60, help="Seconds in which cameras answer the search.")] = 3.0,
    address: Annotated[
        list[str] | None, typer.Option(help="Ask this camera, HOST or HOST:PORT, instead of a search. Repeatable.")
    ] = None,
    user: Annotated[str, typer.Option(help="User of the cameras. The login is sent to every camera that is asked.")] = "",
    password_file: Annotated[Path | None, typer.Option(help="File of the user's password. Default: ask.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table and YAML.")] = False,
    search_port: Annotated[int, typer.Option(min=1, max=65535, help="UDP port of the search.")] = 3702,
) -> None:
    """List the ONVIF cameras of the network with their streams, and their lines for site.yaml.

    If none answers, the exit status is 1.
    """
    request = SearchRequest(login=_login(user, password_file), probe_s=timeout, port=search_port)
    named = [_named(request, each) for each in address or ()]
    if named:
        known = tuple(camera for each in named for camera in each.cameras)
        request = replace(named[-1], cameras=known)
    found = _search(request)
    if as_json:
        print(json.dumps({"cameras": [_plain(camera) for camera in found]}, indent=1))
    elif found:
        _console().print(_table(found))
        if any(profile.stream for camera in found for profile in camera.profiles):
            print("\n".join(_snippet(found)))
    if not found:
        typer.echo("no camera answered: is this machine on their network, and is ONVIF on in them?", err=True)
        raise typer.Exit(1)


def _search(request: SearchRequest) -> list[NetworkCamera]:
    """Search, with the cameras that have answered counted on a terminal."""
    search, names = CameraSearch(request), set[tuple[str, int]]()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("asking" if request.cameras else "searching", total=None)

        def count(camera: NetworkCamera) -> None:
            names.add((camera.address, camera.port))
            progress.update(task, description=f"{len(names)} cameras")

        return search.run(count)


def _login(user: str, password_file: Path | None) -> Login:
    if not user:
        if password_file is not None:
            raise ConfigError("--password-file needs --user")
        return NO_LOGIN
    if password_file is None:
        return Login(user, typer.prompt("Password", hide_input=True, err=True))
    try:
        return Login(user, password_file.read_text(encoding="utf-8").rstrip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{password_file}: cannot be read: {error}") from error


def _named(request: SearchRequest, address: str) -> SearchRequest:
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname or "", parts.port or 0
    except ValueError:
        host, port = "", 0
    if not host or parts.path or "@" in address:
        raise ConfigError(f"{address!r}: expected HOST or HOST:PORT")
    return named_camera(request, host, port)


def _table(found: Sequence[NetworkCamera]) -> Table:
    table = Table("address", "camera", "profile", "codec", "size", "fps", "stream", box=None, pad_edge=False)
    for camera in found:
        place = camera.address if camera.port == 80 else f"{camera.address}:{camera.port}"
        for index, profile in enumerate(camera.profiles):
            own = (place, _title(camera)) if index == 0 else ("", "")
            table.add_row(*own, *_cells(profile), profile.stream.get_secret_value())
        if not camera.profiles:
            table.add_row(place, _title(camera), camera.reason)
    return table


def _cells(profile: MediaProfile) -> tuple[str, str, str, str]:
    size = f"{profile.width}x{profile.height}" if profile.width else ""
    return profile.name, profile.codec, size, f"{profile.fps:g}" if profile.fps else ""


def _title(camera: NetworkCamera) -> str:
    about = " ".join(filter(None, (camera.manufacturer, camera.model)))
    return camera.name or about or "camera"


def _snippet(found: Sequence[NetworkCamera]) -> Iterator[str]:
    """Lines for an edge in site.yaml: the first profile of each camera, the others as comments."""
    yield ""
    yield "# For an edge in site.yaml; a login goes before the host: rtsp://USER:PASSWORD@HOST/..."
    yield "cameras:"
    taken: set[str] = set()
    for camera in found:
        offered = [each for each in camera.profiles if each.stream]
        if not offered:
            continue
        name = _free_id(camera, taken)
        entry = {name: {"label": _title(camera), "source": offered[0].stream.get_secret_value()}}
        text: str = yaml.safe_dump(entry, sort_keys=False, allow_unicode=True, width=1000)
        yield from (f"  {line}" for line in text.splitlines())
        for each in offered[1:]:
            yield f"    # source: {each.stream.get_secret_value()}  # {' '.join(filter(None, _cells(each)[:3]))}"


def _free_id(camera: NetworkCamera, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", _title(camera).lower())[:60].strip("-") or "camera"
    name, number = stem, 2
    while name in taken:
        name, number = f"{stem}-{number}", number + 1
    taken.add(name)
    return name


def _plain(camera: NetworkCamera) -> dict[str, Any]:
    names = ("address", "port", "secure", "name", "manufacturer", "model", "firmware", "login_needed", "reason")
    profiles = [
        {"name": each.name, "codec": each.codec, "width": each.width, "height": each.height, "fps": each.fps}
        | {"source": each.stream.get_secret_value(), "snapshot": each.snapshot.get_secret_value()}
        for each in camera.profiles
    ]
    return {name: getattr(camera, name) for name in names} | {"profiles": profiles}


def _console() -> Console:
    """Standard output; no line is cut where it is a file or a pipe."""
    console = Console(markup=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, highlight=False, width=240)
