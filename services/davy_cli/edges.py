"""`davy edges`: desired and reported configuration of edges."""

import getpass
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from davy.adapters.http.config_client import ConfigClient
from davy.adapters.tls import Tls, TlsSettings
from davy.domain.errors import ConfigError
from davy.domain.suggestion import did_you_mean
from davy.edge_config import read_config, sign_config, to_plain
from davy.models.keyring import signing_key
from davy.site import EdgeConfig
from davy.twin.configuration import ConfigState
from davy.yaml_lines import parse_mapping

app = typer.Typer(help="Configure edges remotely; show history, roll back.", no_args_is_help=True, add_completion=False)
config = typer.Typer(help="Read, change and roll back the configuration of an edge.", no_args_is_help=True)
app.add_typer(config, name="config")

Aggregator = Annotated[str, typer.Option(envvar="DAVY_CONSOLE", help="HTTP address of the aggregator.")]
Edge = Annotated[str, typer.Argument(help="Id of the edge in site.yaml.")]
Who = Annotated[str, typer.Option(help="Author in the history. Default: the user.")]
Why = Annotated[str, typer.Option(help="Reason in the history.")]
Wait = Annotated[float, typer.Option(min=0, help="Maximum seconds to wait for the edge.")]
TEXTS = ("source", "label")  # not parsed as YAML
DEFAULT = "http://127.0.0.1:8080"


def _client(aggregator: str) -> ConfigClient:
    """A client with this program's identity (DAVY_TLS_FOLDER)."""
    return ConfigClient(aggregator, Tls.of(TlsSettings()))


@app.command("list")
def list_(aggregator: Aggregator = DEFAULT) -> None:
    """List every edge with its desired configuration and its state."""
    for view in _client(aggregator).all():
        print(_line(view))


@config.command()
def get(
    edge: Edge,
    aggregator: Aggregator = DEFAULT,
    reported: Annotated[bool, typer.Option(help="Print the reported configuration instead of the desired one.")] = False,
) -> None:
    """Print the configuration as YAML, as `set --file` reads it. Passwords are shown as ***."""
    view = _client(aggregator).get(edge)
    print(f"# {_line(view)}")
    for each in view["differs"]:
        print(f"# {each['field']}: desired {each['desired']!r}, reported {each['reported']!r}")
    shown = view["reported"]["config"] if reported else view["desired"]["config"]
    print(yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), end="")


@config.command("set")
def set_(
    edge: Edge,
    values: Annotated[
        list[str] | None, typer.Argument(help="CAMERA.FIELD=VALUE, such as face.strength=0.5; several make one change.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(help="YAML file with the complete configuration; - reads standard input.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option(help="Remove this camera. Repeatable.")] = None,
    who: Who = "",
    why: Why = "",
    keys: Annotated[Path | None, typer.Option(help="Sign the configuration with a key of this folder.")] = None,
    site: Annotated[str, typer.Option(help="Name of the site; required with --keys.")] = "",
    wait: Wait = 30,
    aggregator: Aggregator = DEFAULT,
) -> None:
    """Change the configuration of an edge and wait until it is applied; otherwise the exit status is 1."""
    client = _client(aggregator)
    now = client.get(edge)["desired"]
    wanted = read_config(_change(_load(file) if file else now["config"], values or [], remove or []))
    change: dict[str, Any] = {"config": to_plain(wanted), "who": who or getpass.getuser(), "why": why}
    if keys is not None:
        change["signature"] = _sign(keys, site, edge, wanted)
    _follow(client, client.put(edge, change, now["id"]), wait)


@config.command()
def history(edge: Edge, aggregator: Aggregator = DEFAULT) -> None:
    """List all configurations with author, time and reason, newest first."""
    for each in _client(aggregator).history(edge):
        line = f"{each['epoch']:>5}  {each['id'][:12]}  {each['at'] or '-':<24}  {len(each['config']['cameras'])} cameras"
        signed = f"  signed by {each['signed_by']}" if each["signed_by"] else ""
        print(f"{line}  {each['who']}: {each['why'] or '-'}{signed}")


@config.command()
def rollback(
    edge: Edge,
    to: Annotated[str, typer.Argument(help="Id in the history, or its start. Default: the previous configuration.")] = "",
    who: Who = "",
    why: Why = "",
    wait: Wait = 30,
    aggregator: Aggregator = DEFAULT,
) -> None:
    """Restore an earlier configuration and wait for the edge."""
    client = _client(aggregator)
    _follow(client, client.roll_back(edge, to, who or getpass.getuser(), why), wait)


def _load(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error}") from error
    return parse_mapping(text, str(file), "cameras, as `davy edges config get` prints it,").values


def _change(plain: dict[str, Any], values: list[str], remove: list[str]) -> dict[str, Any]:
    """Change fields of cameras; add a camera that does not exist."""
    cameras = {name: dict(camera) for name, camera in plain.get("cameras", {}).items()}
    for each in values:
        place, equals, value = each.partition("=")
        camera, dot, field = place.partition(".")
        if not (equals and dot and field):
            raise ConfigError(f"{each!r}: expected CAMERA.FIELD=VALUE, such as face.strength=0.5")
        cameras.setdefault(camera, {})[field] = value if field in TEXTS else _value(value)
    for camera in remove:
        if cameras.pop(camera, None) is None:
            raise ConfigError(
                f"no camera {camera!r} to remove{did_you_mean(camera, cameras)}; known cameras: {', '.join(cameras)}"
            )
    return {**plain, "cameras": cameras}


def _value(text: str) -> object:
    try:
        found: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{text!r} is no valid value: use a number, true, false or null") from error
    return found


def _sign(keys: Path, site: str, edge: str, wanted: EdgeConfig) -> dict[str, Any]:
    if not site:
        raise ConfigError("--keys needs --site: a signature is valid for one edge of one site")
    return sign_config(signing_key(keys), site, edge, to_plain(wanted)).model_dump(mode="json")


def _follow(client: ConfigClient, view: dict[str, Any], wait_s: float) -> None:
    """Print the state until the edge reports on the configuration.

    Raises:
        typer.Exit: the edge rejected the configuration, or did not report in time; status 1.
    """
    wanted, ends_s = view["desired"]["epoch"], time.monotonic() + wait_s
    print(_line(view), flush=True)
    while view["state"] in (ConfigState.WAITING, ConfigState.APPLYING) and time.monotonic() < ends_s:
        time.sleep(0.3)
        view = client.get(view["edge"])
        if view["desired"]["epoch"] != wanted:
            raise ConfigError(f"a newer configuration was set meanwhile: {_line(view)}")
    if view["state"] == ConfigState.APPLIED:
        print(f"{view['edge']}: applied")
        return
    answer = (
        f"rejected: {view['reason']}"
        if view["state"] == ConfigState.REJECTED
        else "no report yet; the edge gets the configuration as soon as it is online"
    )
    typer.echo(f"{view['edge']}: {answer}", err=True)
    raise typer.Exit(1)


def _line(view: dict[str, Any]) -> str:
    desired, online = view["desired"], "online" if view["online"] else "offline"
    reason = f"  ({view['reason']})" if view["reason"] else ""
    return f"{view['edge']:<16}{online:<9}epoch {desired['epoch']:<5}{desired['id'][:12]}  {view['state']}{reason}"
