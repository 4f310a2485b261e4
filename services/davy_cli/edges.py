"""`davy edges`: what edges shall be and what they are, from a terminal."""

import getpass
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from davy.adapters.http.config_client import ConfigClient
from davy.domain.errors import ConfigError
from davy.models.keyring import signing_key
from davy.site import EdgeConfig
from davy.twin.configuration import ConfigState, read_config, sign_config, to_plain

app = typer.Typer(help="What edges shall be, and what they are.", no_args_is_help=True, add_completion=False)
config = typer.Typer(help="The configuration of edges: cameras, strength, rate.", no_args_is_help=True)
app.add_typer(config, name="config")

Aggregator = Annotated[str, typer.Option(envvar="DAVY_CONSOLE", help="Its HTTP address.")]
Edge = Annotated[str, typer.Argument(help="An edge of site.yaml.")]
Who = Annotated[str, typer.Option(help="Kept in the history.")]
Why = Annotated[str, typer.Option(help="Kept in the history.")]
Wait = Annotated[float, typer.Option(min=0, help="Seconds to wait for the edge's answer.")]
TEXTS = ("source", "label")  # taken as they are written
DEFAULT = "http://127.0.0.1:8080"


@app.command("list")
def list_(aggregator: Aggregator = DEFAULT) -> None:
    """Every edge: what it shall be, and how far it is."""
    for view in ConfigClient(aggregator).all():
        print(_line(view))


@config.command()
def get(
    edge: Edge,
    aggregator: Aggregator = DEFAULT,
    reported: Annotated[bool, typer.Option(help="What it says that it is.")] = False,
) -> None:
    """Print it as YAML, to change and to give to `set`. Passwords are ***."""
    view = ConfigClient(aggregator).get(edge)
    print(f"# {_line(view)}")
    for each in view["differs"]:
        print(f"# {each['field']}: shall be {each['desired']!r}, is {each['reported']!r}")
    shown = view["reported"]["config"] if reported else view["desired"]["config"]
    print(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), end="")


@config.command("set")
def set_(
    edge: Edge,
    values: Annotated[
        list[str] | None, typer.Argument(help="CAMERA.FIELD=VALUE, as in face.strength=0.5; several are one change.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="The whole configuration as YAML; - reads the standard input.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Take this camera out. May be repeated.")] = None,
    who: Who = "",
    why: Why = "",
    keys: Annotated[Path | None, typer.Option(help="Sign it with the key in this folder of `davy keys`.")] = None,
    site: Annotated[str, typer.Option(help="The mine's name, which a signature covers.")] = "",
    wait: Wait = 30,
    aggregator: Aggregator = DEFAULT,
) -> None:
    """Configure an edge. The exit status is 0 only once it says that it is so."""
    client = ConfigClient(aggregator)
    now = client.get(edge)["desired"]
    wanted = read_config(_change(_load(file) if file else now["config"], values or [], remove or []))
    change: dict[str, Any] = {"config": to_plain(wanted), "who": who or getpass.getuser(), "why": why}
    if keys is not None:
        change["signature"] = _sign(keys, site, edge, wanted)
    _follow(client, client.put(edge, change, now["id"]), wait)


@config.command()
def history(edge: Edge, aggregator: Aggregator = DEFAULT) -> None:
    """Who wanted what, when and why; the newest first."""
    for each in ConfigClient(aggregator).history(edge):
        told = f"{each['epoch']:>5}  {each['id'][:12]}  {each['at'] or '-':<24}  {len(each['config']['cameras'])} cameras"
        signed = f"  signed by {each['signed_by']}" if each["signed_by"] else ""
        print(f"{told}  {each['who']}: {each['why'] or '-'}{signed}")


@config.command()
def rollback(
    edge: Edge,
    to: Annotated[str, typer.Argument(help="An id of the history, or its start; what was before if absent.")] = "",
    who: Who = "",
    why: Why = "",
    wait: Wait = 30,
    aggregator: Aggregator = DEFAULT,
) -> None:
    """Let an edge be what it was before."""
    client = ConfigClient(aggregator)
    _follow(client, client.roll_back(edge, to, who or getpass.getuser(), why), wait)


def _load(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        value = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ConfigError(f"{file}: a mapping with cameras is expected, as `davy edges config get` prints it")
    return value


def _change(plain: dict[str, Any], values: list[str], remove: list[str]) -> dict[str, Any]:
    """A configuration with some fields of some cameras changed; a camera that is not there is added."""
    cameras = {name: dict(camera) for name, camera in plain.get("cameras", {}).items()}
    for each in values:
        place, equals, value = each.partition("=")
        camera, dot, field = place.partition(".")
        if not (equals and dot and field):
            raise ConfigError(f"{each!r}: CAMERA.FIELD=VALUE is expected, as in face.strength=0.5")
        cameras.setdefault(camera, {})[field] = value if field in TEXTS else _value(value)
    for camera in remove:
        if cameras.pop(camera, None) is None:
            raise ConfigError(f"there is no camera {camera!r} to take out; known: {', '.join(cameras)}")
    return {**plain, "cameras": cameras}


def _value(text: str) -> object:
    try:
        found: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r} is no value: a number, true, false or null is expected") from error
    return found


def _sign(keys: Path, site: str, edge: str, wanted: EdgeConfig) -> dict[str, Any]:
    if not site:
        raise ConfigError("--keys needs --site, the mine's name: a signature is good for one edge of one mine")
    return sign_config(signing_key(keys), site, edge, to_plain(wanted)).model_dump(mode="json")


def _follow(client: ConfigClient, view: dict[str, Any], wait_s: float) -> None:
    """Print what becomes of it.

    Raises:
        typer.Exit: the edge refused it (1), or did not answer in time (1).
    """
    wanted, ends_s = view["desired"]["epoch"], time.monotonic() + wait_s
    print(_line(view), flush=True)
    while view["state"] in (ConfigState.WAITING, ConfigState.APPLYING) and time.monotonic() < ends_s:
        time.sleep(0.3)
        view = client.get(view["edge"])
        if view["desired"]["epoch"] != wanted:
            raise ConfigError(f"somebody has configured it anew meanwhile: {_line(view)}")
    if view["state"] == ConfigState.APPLIED:
        print(f"{view['edge']}: applied")
        return
    answer = (
        f"refused: {view['reason']}" if view["state"] == ConfigState.REJECTED else "no answer yet; it is told once it is online"
    )
    typer.echo(f"{view['edge']}: {answer}", err=True)
    raise typer.Exit(1)


def _line(view: dict[str, Any]) -> str:
    desired, online = view["desired"], "online" if view["online"] else "offline"
    reason = f"  ({view['reason']})" if view["reason"] else ""
    return f"{view['edge']:<16}{online:<9}epoch {desired['epoch']:<5}{desired['id'][:12]}  {view['state']}{reason}"
