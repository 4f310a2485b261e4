"""`davy provision`: make what a closed site needs, once: authority, identities, broker users, administrator."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from davy.access.roles import Role
from davy.adapters.mqtt.mosquitto import (
    PLUGIN_OF_IMAGE,
    VIEWER,
    certificate_listener,
    configuration,
    password_listener,
    plugin_lines,
    security,
)
from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.identity import Kind
from davy.identity.authority import LEAF_DAYS
from davy.identity.provision import ensure_authority, ensure_identity
from davy.site import SiteConfig
from davy.site_options import ConfigOption, load_chosen_site
from davy_cli.directory import DEFAULT, Data, DatabaseUrl, change_directory

app = typer.Typer(add_completion=False)
ADMIN = "admin"
SERVICES = (Kind.AGGREGATOR, Kind.ENHANCER, Kind.TRAINER)
STORES = (("broker", Kind.BROKER), ("redis", Kind.STORE))
SERVER_DAYS = 800.0  # of broker and cache, which cannot renew their own certificates
TOKEN, SHELL_FILE, SECURITY = "token", "access.env", "security.json"


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of the site's identities.

    Attributes:
        name: Below the output folder.
        identity: KIND/NAME.
        hosts: Further names of the server beside its kind's and this machine's.
        days: Validity of the certificate.
    """

    name: str
    identity: str
    hosts: tuple[str, ...] = ()
    days: float = LEAF_DAYS


def folders(site: SiteConfig, hosts: tuple[str, ...]) -> list[Folder]:
    """The folders of a site. hosts: names by which people's programs reach it."""
    servers = [Folder(name, f"{name}/main", (name, "localhost", "127.0.0.1", *hosts)) for name in SERVICES]
    fixed = [Folder(name, f"{kind}/main", (name, "localhost", "127.0.0.1", *hosts), SERVER_DAYS) for name, kind in STORES]
    return [
        *servers,
        *fixed,
        Folder("analyser", f"{Kind.ANALYSER}/main"),
        *(Folder(f"edge-{edge}", f"edge/{edge}") for edge in site.edges),
    ]


@app.command()
def provision(
    config: ConfigOption = None,
    out: Annotated[Path, typer.Option(help="Folder of authority/, of one folder for each program, and of people/.")] = Path(
        "identities"
    ),
    data: Data = DEFAULT,
    database: DatabaseUrl = "",
    host: Annotated[list[str] | None, typer.Option(help="Name by which browsers reach the services. Repeatable.")] = None,
    broker_folder: Annotated[str, typer.Option(help="Folder broker/ as the broker itself sees it.")] = "/mosquitto/identity",
    broker_plugin: Annotated[
        str, typer.Option(help="Mosquitto's dynamic security plugin, as the broker sees it.")
    ] = PLUGIN_OF_IMAGE,
    console: Annotated[str, typer.Option(help="Address of the console, to be printed.")] = "https://localhost:8080",
    mqtt: Annotated[str, typer.Option(help="HOST:PORT of the broker for people's programs.")] = "localhost:8883",
    owner: Annotated[list[str] | None, typer.Option(help="FOLDER=UID that owns it. Repeatable; needs root.")] = None,
    data_owner: Annotated[int | None, typer.Option(help="UID that owns the data folder; needs root.")] = None,
) -> None:
    """Make what a closed site needs and lacks: its authority, an identity for each program, the broker's users, a person.

    What exists stays; a certificate with less than a third of its life left is replaced.
    """
    site, owners = load_chosen_site(config), dict(_owner(each) for each in owner or ())
    authority = ensure_authority(out / "authority", site.site)
    for folder in folders(site, tuple(host or ())):
        with _owned(out / folder.name, owners.get(folder.name)):
            made = ensure_identity(authority, out / folder.name, folder.identity, folder.hosts, folder.days)
        if made is not None:
            print(f"identity  {made.identity} until {made.certificate.not_valid_after_utc:%F}")
    with _owned(out / "people", owners.get("people")), _owned(out / "broker", owners.get("broker")):
        _copy(out / "people" / "ca.pem", authority.ca)
        _broker(site, out / "broker", broker_folder, broker_plugin, out / "people" / SHELL_FILE, mqtt)
    with _owned(out / "prometheus", owners.get("prometheus")):
        _copy(out / "prometheus" / "ca.pem", authority.ca)
        _people(data, database, out / "prometheus" / TOKEN, console)
    _give(out / "authority", data_owner)
    _give(data, data_owner)


def _owner(text: str) -> tuple[str, int]:
    name, equals, uid = text.partition("=")
    if not equals or not uid.isdigit():
        raise ConfigError(f"--owner {text}: write FOLDER=UID, such as broker=1883")
    return name, int(uid)


def _broker(site: SiteConfig, path: Path, seen: str, plugin: str, shell: Path, address: str) -> None:
    """Write mosquitto.conf, the users and their rights, and the login of people's programs."""
    if fresh := not shell.is_file():
        password = secrets.token_urlsafe(24)
        _copy(shell, f"export MQTT_URL=mqtts://{VIEWER}:{password}@{address}\n".encode())
    password = shell.read_text().partition(f"{VIEWER}:")[2].partition("@")[0]
    made = security(site, {VIEWER: password})  # the services come by certificate alone
    if fresh or not (path / SECURITY).is_file() or _unsalted((path / SECURITY).read_text()) != _unsalted(made):
        _copy(path / SECURITY, made.encode())
    inside, people = certificate_listener("8883", seen), password_listener("8884", seen)
    users = plugin_lines(plugin, f"{seen}/{SECURITY}")
    _copy(path / "mosquitto.conf", configuration(inside, people, more=users).encode())


def _unsalted(text: str) -> object:
    """The users and rights without the hashes, which have another salt each time."""
    found = json.loads(text)
    for client in found["clients"]:
        client.pop("salt", None)
        client.pop("password", None)
    return found


def _people(data: Path, database: str, token: Path, console: str) -> None:
    """Add the administrator and the token of the monitor if there is nobody, and print the password once."""
    with change_directory(data, database, "davy provision", ADMIN) as directory:
        if not token.is_file():
            _copy(token, directory.add_token("prometheus", Role.MONITOR, "", 0, "davy provision")[1].encode())
        if directory.users():
            print(f"ready     {console}")
            return
        password = secrets.token_urlsafe(12)
        directory.put_user(ADMIN, Role.ADMIN, password)
    print(f"console   {console}\nname      {ADMIN}\npassword  {password}  (printed once: change it, or add people)")


def _copy(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, data)
    path.chmod(0o600)


@contextmanager
def _owned(folder: Path, uid: int | None) -> Iterator[None]:
    """Give a folder and what is written into it meanwhile to a user, where one is given."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    yield
    _give(folder, uid)


def _give(folder: Path, uid: int | None) -> None:
    if uid is None:
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)
