"""A broker for the mine of one process: Mosquitto where it is installed, else rumqttd."""

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from davy.adapters.embedded.servers import LOOPBACK, embedded_broker
from davy.adapters.mqtt.mosquitto import (
    configuration,
    find_plugin,
    make_passwords,
    open_listener,
    password_listener,
    plugin_lines,
    security,
)
from davy.domain.errors import BrokerUnavailableError
from davy.site import SiteConfig

LISTENS_WITHIN_S = 10.0
OBSERVER_USER = "davy-program-observer"  # counts the frames of the demo; a user has one connection, and people use the viewer's
MQTT_5_ALONE = "the broker takes clients of MQTT 5 alone: install mosquitto for those of MQTT 3.1.1, too"
NO_ACCESS_LIST = (
    "the broker asks for passwords, but every user may write every topic: install mosquitto for an access list for each edge"
)


@dataclass(frozen=True, slots=True)
class LocalBroker:
    """A running broker.

    Attributes:
        endpoint: mqtt://host:port for this process.
        passwords: By user; empty for a broker that asks for none.
        note: What it cannot do; empty if it can do everything.
    """

    endpoint: str
    passwords: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def of(self, user: str) -> str:
        """The endpoint with the login of a user."""
        parts = urlsplit(self.endpoint)
        if not self.passwords:
            return self.endpoint
        return f"{parts.scheme}://{quote(user, safe='')}:{self.passwords[user]}@{parts.netloc}"


@contextmanager
def local_broker(
    host: str, port: int, site: SiteConfig, identity: Path | None = None, closed: bool = True
) -> Iterator[LocalBroker]:
    """Run a broker on host and port.

    Args:
        host: Address to listen on.
        port: TCP port.
        site: Its edges are users.
        identity: Folder of cert.pem and key.pem, to encrypt; None for no encryption.
        closed: Let in the users of `users_of` and OBSERVER_USER alone, with new passwords; False lets everybody do everything.

    Raises:
        BrokerUnavailableError: The port is taken, or the broker did not come up.
    """
    passwords, mosquitto = (
        make_passwords(site, (OBSERVER_USER,)) if closed else {},
        shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin"),
    )
    plugin = find_plugin()
    usable = mosquitto is not None and (plugin is not None or not closed)
    if not usable and identity is not None:
        raise BrokerUnavailableError(f"mqtts://{host}:{port}", "Mosquitto is not installed, and no other broker here encrypts")
    if mosquitto is None or not usable:
        with embedded_broker(host, port, passwords) as endpoint:
            yield LocalBroker(endpoint, passwords, f"{MQTT_5_ALONE}; {NO_ACCESS_LIST}" if closed else MQTT_5_ALONE)
        return
    with tempfile.TemporaryDirectory(prefix="davy-broker-") as folder:
        config = Path(folder) / "mosquitto.conf"
        users, more = Path(folder) / "security.json", f"user {getpass.getuser()}\n"
        if closed:
            users.write_text(security(site, passwords, (OBSERVER_USER,)), encoding="utf-8")
            more += plugin_lines(str(plugin), str(users))
        address, encrypted = f"{port} {host}", str(identity.absolute()) if identity else ""
        listener = password_listener(address, encrypted) if closed else open_listener(address)
        config.write_text(configuration(listener, more=more), encoding="utf-8")
        for path in Path(folder).iterdir():
            path.chmod(0o600)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen([*_with_parent(), mosquitto, "-c", str(config)], stderr=log, stdout=log)
        try:
            _wait(process, host, port, Path(folder) / "log")
            yield LocalBroker(f"mqtt{'s' if identity else ''}://{LOOPBACK if host == '0.0.0.0' else host}:{port}", passwords)
        finally:
            process.terminate()
            process.wait()


def _with_parent() -> list[str]:
    """The words that end a child process with this one, even when this one is killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def _wait(process: "subprocess.Popen[bytes]", host: str, port: int, log: Path) -> None:
    """Return when the broker listens.

    Raises:
        BrokerUnavailableError: It ended, or does not listen in time.
    """
    ends, address = time.monotonic() + LISTENS_WITHIN_S, LOOPBACK if host == "0.0.0.0" else host
    while process.poll() is None and time.monotonic() < ends:
        try:
            socket.create_connection((address, port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    said = os.linesep.join(log.read_text("utf-8", "replace").splitlines()[-2:])
    raise BrokerUnavailableError(f"mqtt://{host}:{port}", f"Mosquitto does not listen: {said}")
