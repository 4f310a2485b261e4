"""Real servers that any test may start. Nothing here reaches outside the machine."""

import gc
import os

# While modules load nothing becomes garbage: a search through a million objects, again and again, takes a third of the start.
gc.disable()

# Workers of pytest-xdist share the processors: torch's threads in each of them would wait for one another. Before its import.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import functools
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import argon2
import hypothesis
import pytest
import structlog

from davy.access import secrets

# Lines of the log belong to pytest's log, never to the output of a command that a test reads.
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.dev.ConsoleRenderer(colors=False),
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)

# Examples are no stopwatch: beside other workers one may stand still for 200 ms.
hypothesis.settings.register_profile("davy", deadline=None)
hypothesis.settings.load_profile("davy")

# Passwords of tests are hashed in a millisecond; tests/access/test_secrets.py takes the product's own hasher.
PRODUCT_HASHER, secrets._hasher = secrets._hasher, argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def pick_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, timeout_s: float = 5.0) -> None:
    ends = time.monotonic() + timeout_s
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > ends:
            raise TimeoutError(f"nothing listens on 127.0.0.1:{port}")
        time.sleep(0.02)


SYSTEM_FIXTURES = {"mosquitto", "runtime", "davy_clip", "random_clip"}
FILE_MARKS = re.compile(r"^pytestmark = (?:\[\n(?:.*\n)*?\]|.*)", re.MULTILINE)


@functools.lru_cache(maxsize=2)
def _chosen(expression: str, marker: str) -> bool | None:
    """Whether `-m` wants only tests with this marker (True), only tests without it (False), or both."""
    names = [word for word in re.findall(r"\w+", expression) if word not in {"not", "and"}]
    if "or" in names or "(" in expression or marker not in names:
        return None
    return not re.search(rf"\bnot\s+{marker}\b", expression)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that holds no chosen test is not imported: its modules take seconds in each worker."""
    if not collection_path.name.startswith("test_") or collection_path.suffix != ".py":
        return None
    text = collection_path.read_text()
    of_file = " ".join(FILE_MARKS.findall(text))
    for marker in ("system", "alone", "slow"):
        wanted = _chosen(config.option.markexpr, marker)
        if wanted is False and f"mark.{marker}" in of_file:
            return True
        if wanted and marker != "system" and f"mark.{marker}" not in text:  # fixtures make tests of a system
            return True
    return None


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever starts a broker, exports a network or loads a CLIP is a test of a system."""
    for item in items:
        if SYSTEM_FIXTURES & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.system)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Modules and tests stay to the end: the collector need not look at them again."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture
def free_port() -> int:
    """A TCP port of the loopback interface on which nobody listens."""
    return pick_port()


@dataclass
class Mosquitto:
    """A real broker as a child process; `kill` and `start` again keep the port."""

    port: int
    config: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def endpoint(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        assert MOSQUITTO is not None
        self.process = subprocess.Popen([MOSQUITTO, "-c", str(self.config)], stderr=subprocess.DEVNULL)
        wait_for_port(self.port)

    def kill(self) -> None:
        """kill -9, as when the machine loses its power."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running Mosquitto: `.endpoint`, `.port`, `.process`, `.kill()`, `.start()`, `.freeze()`, `.thaw()`."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    port = pick_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n")
    broker = Mosquitto(port, config)
    broker.start()
    yield broker
    broker.kill()
