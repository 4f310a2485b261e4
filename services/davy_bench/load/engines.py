"""PostgreSQL, a Redis-protocol server and HAProxy as processes, for a load on several aggregators."""

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from davy.adapters.embedded.servers import LOOPBACK, free_port
from davy.domain.errors import ScaleTestError

START_S = 20.0
DEBIAN = "/usr/lib/postgresql"
HAPROXY = """
global
    maxconn 4096
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
"""
# TLS passes through: every aggregator sees the certificate of its caller.
LISTEN = """
listen {name}
    bind {host}:{port}
    balance leastconn
    option redispatch
{servers}
"""


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL for the duration of the block; yields the URL of an empty database.

    Raises:
        ScaleTestError: it is not installed, or does not start.
    """
    binaries = sorted(Path(DEBIAN).glob("*/bin"), key=lambda path: int(path.parent.name))
    if not binaries:
        raise ScaleTestError("PostgreSQL is not installed: apt-get install postgresql")
    user, data = ("postgres" if os.geteuid() == 0 else None), folder / "postgres"
    data.mkdir()
    if user:
        shutil.chown(data, user)
        _let_through(data)
    words = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run([binaries[-1] / "initdb", "-D", data / "data", *words], user=user, check=True, capture_output=True, cwd=data)
    port = free_port(LOOPBACK, 0)
    options = ["-D", str(data / "data"), "-p", str(port), "-h", LOOPBACK, "-k", str(data), "-N", "200"]
    with (data / "log").open("wb") as log:
        server = subprocess.Popen([str(binaries[-1] / "postgres"), *options], user=user, stdout=log, stderr=log, cwd=data)
        try:
            ready = [str(binaries[-1] / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port)]
            _wait("PostgreSQL", server, lambda: subprocess.run(ready, check=False).returncode == 0)
            yield f"postgresql://postgres@{LOOPBACK}:{port}/postgres"
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()


@contextmanager
def haproxy(folder: Path, backends: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Run HAProxy for the duration of the block; yields HOST:PORT by name.

    Args:
        folder: Of its configuration.
        backends: HOST:PORT of the servers behind each name.

    Raises:
        ScaleTestError: it is not installed, or does not start.
    """
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        raise ScaleTestError("HAProxy is not installed: apt-get install haproxy")
    ports = {name: free_port(LOOPBACK, 0) for name in backends}
    text = HAPROXY
    for name, servers in backends.items():
        lines = "\n".join(f"    server {name}-{number} {server} check inter 500ms" for number, server in enumerate(servers))
        text += LISTEN.format(name=name, host=LOOPBACK, port=ports[name], servers=lines)
    config = folder / "haproxy.cfg"
    config.write_text(text)
    with (folder / "haproxy.log").open("wb") as log:
        server = subprocess.Popen([program, "-q", "-f", config], stdout=log, stderr=log)
        try:
            _wait("HAProxy", server, lambda: all(_listens(port) for port in ports.values()))
            yield {name: f"{LOOPBACK}:{port}" for name, port in ports.items()}
        finally:
            server.terminate()
            server.wait()


def _let_through(folder: Path) -> None:
    """Let the server's user reach a folder inside a private one of this user."""
    owner = pwd.getpwnam(getpass.getuser()).pw_uid
    for parent in folder.parents:
        if parent.stat().st_uid == owner and parent != Path("/") and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _wait(name: str, server: "subprocess.Popen[bytes]", is_ready: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and server.poll() is None:
        if is_ready():
            return
        time.sleep(0.05)
    raise ScaleTestError(f"{name} does not start")
