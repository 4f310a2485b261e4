"""A broker for the mine of one process that lets in only its own users: Mosquitto where it is installed, else rumqttd."""

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
from davy.adapters.mqtt.mosquitto import configuration, find_plugin, make_passwords, password_listener, security
from davy.domain.errors import BrokerUnavailableError
from davy.site import SiteConfig

LISTENS_WITHIN_S = 10.0
OBSERVER = "davy-program-observer"  # counts the frames of the demo; a user has one connection, and people use the viewer's
NO_ACCESS_LIST = (
    "the broker asks for passwords, but every user may write every topic: install mosquitto for an access list for each edge"
)


@dataclass(frozen=True, slots=True)
class ClosedBroker:
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
def closed_broker(host: str, port: int, site: SiteConfig) -> Iterator[ClosedBroker]:
    """Run a broker on host and port for the users of `users_of` and OBSERVER, with new passwords.

    Raises:
        BrokerUnavailableError: The port is taken, or the broker did not come up.
    """
    passwords, mosquitto = (
        make_passwords(site, (OBSERVER,)),
        shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin"),
    )
    plugin = find_plugin()
    if mosquitto is None or plugin is None:
        with embedded_broker(host, port, passwords) as endpoint:
            yield ClosedBroker(endpoint, passwords, NO_ACCESS_LIST)
        return
    with tempfile.TemporaryDirectory(prefix="davy-broker-") as folder:
        config = Path(folder) / "mosquitto.conf"
        users = Path(folder) / "security.json"
        users.write_text(security(site, passwords, (OBSERVER,)), encoding="utf-8")
        text = configuration(str(users), str(plugin), password_listener(f"{port} {host}"), more=f"user {getpass.getuser()}\n")
        config.write_text(text, encoding="utf-8")
        for path in Path(folder).iterdir():
            path.chmod(0o600)
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen([*_with_parent(), mosquitto, "-c", str(config)], stderr=log, stdout=log)
        try:
            _wait(process, host, port, Path(folder) / "log")
            yield ClosedBroker(f"mqtt://{LOOPBACK if host == '0.0.0.0' else host}:{port}", passwords)
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
