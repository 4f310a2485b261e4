"""A site on this machine for a load: identities, a broker, and aggregators as processes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

from davy.access.roles import Role
from davy.adapters.access.directory import Directory
from davy.adapters.embedded.local_broker import local_broker
from davy.adapters.embedded.servers import LOOPBACK, free_port
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.opening import open_database
from davy.domain.errors import ScaleTestError
from davy.domain.secret_url import SecretUrl
from davy.identity import Authority, Identity
from davy.identity.credentials import write_credentials
from davy.identity.name import Kind
from davy.site import SiteConfig
from davy_bench.load.plan import LoadPlan, Target
from davy_bench.load.worker import VIEWER

READY_S, EXIT_S = 60.0, 20.0
AGGREGATOR = "aggregator"
MADE_BY = "davy load"


@dataclass(frozen=True, slots=True)
class Options:
    """How a site is run.

    Args:
        secure: Certificates and tokens on every wire; False opens everything on the loopback.
        analysis: Whether the aggregators analyse pictures.
        replicas: Number of aggregators.
        pin: Whether each aggregator has a core of its own.
        database: URL of the database that the aggregators share; empty: SQLite in the folder of the only one.
        cache: URL of the Redis-protocol server; empty: none.
        environment: Further variables of the aggregators.
    """

    secure: bool = True
    analysis: bool = False
    replicas: int = 1
    pin: bool = False
    database: str = ""
    cache: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocalSite:
    """A running site.

    Attributes:
        target: Where the load goes.
        processes: The aggregators.
    """

    target: Target
    processes: Sequence[psutil.Popen]


def site_of(plan: LoadPlan, broker: str = "", cache: str = "") -> dict[str, Any]:
    """Return the content of a site.yaml with the edges and cameras of a plan."""
    cameras = {f"cam-{number}": {"source": "simulator://gallery"} for number in range(plan.cameras)}
    content: dict[str, Any] = {"site": plan.site, "edges": {edge: {"cameras": cameras} for edge in plan.edge_names()}}
    return content | ({"broker": broker} if broker else {}) | ({"cache": cache} if cache else {})


def write_site(path: Path, plan: LoadPlan, broker: str = "", cache: str = "") -> SiteConfig:
    """Write the site.yaml of a plan, and return its content."""
    content = site_of(plan, broker, cache)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return SiteConfig.model_validate(content)


@contextmanager
def local_site(plan: LoadPlan, folder: Path, options: Options) -> Iterator[LocalSite]:
    """Run a site for the duration of the block.

    Args:
        plan: Its edges and cameras.
        folder: For everything that is written.
        options: How it is run.

    Raises:
        ScaleTestError: an aggregator does not start.
    """
    with ExitStack() as stack:
        port = free_port(LOOPBACK, 0)
        site = SiteConfig.model_validate(site_of(plan))
        broker = stack.enter_context(local_broker(LOOPBACK, port, site, closed=False))
        write_site(folder / "site.yaml", plan, broker.endpoint, options.cache)
        identities = make_identities(folder, plan) if options.secure else None
        token = make_token(folder / "data-0", plan.site, options.database) if options.secure else ""
        started = [stack.enter_context(_aggregator(folder, number, options)) for number in range(options.replicas)]
        addresses = [_addresses(process, log) for process, log in started]
        target = Target(
            tuple(each["grpc"] for each in addresses), tuple(each["console"] for each in addresses), identities, token
        )
        yield LocalSite(target, [process for process, _ in started])


def make_identities(folder: Path, plan: LoadPlan, authority: Path | None = None) -> Path:
    """Issue the certificates of edges, aggregator and viewers. Return the folder of their folders.

    Args:
        folder: Where they are written.
        plan: Its edges and its site.
        authority: Folder of `davy identity init`; None makes a new authority.
    """
    issuer = Authority.open(authority) if authority else Authority.create(folder / "authority", plan.site)
    made = folder / "identities"
    wanted = [(edge, Kind.EDGE, edge) for edge in plan.edge_names()]
    wanted += [(VIEWER, Kind.PROGRAM, "load")] + ([] if authority else [(AGGREGATOR, Kind.AGGREGATOR, "main")])
    for name, kind, identity in wanted:
        write_credentials(made / name, issuer.issue(Identity(plan.site, kind, identity), days=1))
    return made


def make_token(data: Path, site: str, database: str = "") -> str:
    """Make the token of the viewers in a database that no aggregator uses yet. Blocks."""
    data.mkdir(parents=True, exist_ok=True)
    opened = open_database(data, SecretUrl(database))
    try:
        return Directory(AccessStore(opened), site, 0).add_token("load", Role.ENGINEER, "", 1, MADE_BY)[1]
    finally:
        opened.close()


@contextmanager
def _aggregator(folder: Path, number: int, options: Options) -> Iterator[tuple[psutil.Popen, Path]]:
    data, log_path = folder / f"data-{number}", folder / f"aggregator-{number}.log"
    command = [sys.executable, "-m", "davy", "aggregator", "--config", str(folder / "site.yaml"), "--data", str(data)]
    command += ["--host", LOOPBACK, "--port", "0", "--grpc-port", "0", *([] if options.secure else ["--insecure"])]
    if options.pin and (taskset := shutil.which("taskset")):
        command = [taskset, "--cpu-list", str(number % (os.cpu_count() or 1)), *command]
    with log_path.open("w") as log:
        process = psutil.Popen(command, env=_environment(folder, number, options), stdout=log, stderr=subprocess.STDOUT)
        try:
            yield process, log_path
        finally:
            _end(process)


def _environment(folder: Path, number: int, options: Options) -> dict[str, str]:
    found = {name: value for name, value in os.environ.items() if not name.startswith("DAVY_")}
    found |= {"DAVY_ANALYSIS_ENABLED": str(options.analysis).lower(), "DAVY_AGGREGATOR_NAME": f"aggregator-{number}"}
    found |= {"DAVY_AGGREGATOR_MAX_STREAMS": "4096", "DAVY_AGGREGATOR_MAX_STREAMS_PER_CALLER": "4096"}
    if options.database:
        found["DAVY_AGGREGATOR_DATABASE"] = options.database
    if options.secure:
        found["DAVY_TLS_FOLDER"] = str(folder / "identities" / AGGREGATOR)
    return found | dict(options.environment)


def _addresses(process: psutil.Popen, log: Path) -> dict[str, str]:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s and process.poll() is None:
        words = [line.split() for line in log.read_text(errors="replace").splitlines()]
        found = {line[0]: line[1] for line in words if len(line) == 2 and line[0] in ("console", "grpc")}
        if len(found) == 2:
            return found
        time.sleep(0.05)
    raise ScaleTestError(f"an aggregator does not start: {log.read_text(errors='replace')[-500:]}")


def _end(process: psutil.Popen) -> None:
    with suppress(psutil.NoSuchProcess):
        process.terminate()
    try:
        process.wait(EXIT_S)
    except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
        process.kill()
        process.wait()
