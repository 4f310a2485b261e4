"""One version back: its programs and today's speak to each other, and share a PostgreSQL that today's has migrated.

The earlier version is a commit of this repository, DAVY_TEST_EARLIER or EARLIER, run with today's packages.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from tests.conftest import Mosquitto, pick_port
from tests.fixtures.clips import write_clip
from tests.fixtures.postgres import running_postgres

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(400)]
ROOT = Path(__file__).parents[2]
EARLIER = "03a2d42d"  # before leases in the database and events in partitions
EARLIER_REPLICA = "0a26e32e"  # leads by a lease, and stores events without partitions
WAIT_S = 90.0
CONFIG = "/v1/edges/north/config"


def extracted(commit: str, folder: Path) -> Path:
    """The code of a commit with its kernels."""
    archive = subprocess.run(
        ["git", "archive", commit, "shared", "services", "infra", "hatch_build.py"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        pytest.skip(f"commit {commit} is not in this repository: fetch it, or name one by DAVY_TEST_EARLIER")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as found:
        found.extractall(folder, filter="data")
    subprocess.run([sys.executable, "infra/build_kernels.py"], cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extracted(os.environ.get("DAVY_TEST_EARLIER", EARLIER), tmp_path_factory.mktemp("earlier"))


@pytest.fixture
def earlier_replica(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extracted(os.environ.get("DAVY_TEST_EARLIER", EARLIER_REPLICA), tmp_path_factory.mktemp("earlier"))


class Site:
    """A site whose programs are of either version, each with a log in the folder."""

    def __init__(self, folder: Path, broker: str) -> None:
        self.folder, self.ports = folder, (pick_port(), pick_port())
        clip = write_clip(folder / "clip.mp4", 30, 5)
        cameras = {"face": {"source": f"file://{clip}", "fps": 2, "width": 320, "height": 180, "max_age_ms": 5000}}
        site = {"site": "mine", "broker": broker, "edges": {"north": {"cameras": cameras}}}
        site["aggregator"] = f"grpc://127.0.0.1:{self.ports[1]}"
        (folder / "site.yaml").write_text(yaml.safe_dump(site))

    @contextmanager
    def run(self, code: Path, name: str, *words: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DAVY_")}
        path = os.pathsep.join(str(code / each) for each in ("shared", "services"))
        environment = clean | {"PYTHONPATH": path, "DAVY_ANALYSIS_ENABLED": "false"} | variables
        command = [sys.executable, "-m", "davy", words[0], "--config", str(self.folder / "site.yaml")]
        command += ["--data", str(self.folder / name), *words[1:]]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=self.folder)
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    @contextmanager
    def edge(self, code: Path) -> Iterator[None]:
        with self.run(code, "edge", "edge", "--edge", "north", "--metrics-port", "0"):
            yield

    @contextmanager
    def aggregator(self, code: Path, name: str, ports: tuple[int, int], database: str = "") -> Iterator[httpx.Client]:
        variables = {"DAVY_AGGREGATOR_DATABASE": database} if database else {}
        words = ("aggregator", "--insecure", "--port", str(ports[0]), "--grpc-port", str(ports[1]))
        with (
            self.run(code, name, *words, **variables),
            httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", timeout=20) as client,
        ):
            wait(lambda: answers(client), self.log(name))
            yield client

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def wait(condition, log: Path) -> None:
    ends_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < ends_s, log.read_text()[-2000:]
        time.sleep(0.2)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def seq(client: httpx.Client) -> int:
    (camera,) = client.get("/v1/cameras").json()["cameras"]
    return camera["seq"] or 0


def kinds(client: httpx.Client) -> list[str]:
    return [each["kind"] for each in client.get("/v1/events", params={"edge": "north", "limit": 100}).json()["events"]]


def frames_go_on(client: httpx.Client, log: Path) -> None:
    before = seq(client)
    wait(lambda: seq(client) >= before + 4, log)


def apply(client: httpx.Client, strength: float, log: Path) -> int:
    """Decide a strength, and wait until the edge has applied it; return the epoch."""
    config = client.get(CONFIG).json()["desired"]["config"]
    config["cameras"]["face"]["strength"] = strength
    answer = client.put(CONFIG, json={"config": config})
    assert answer.status_code == 200, answer.text
    wait(lambda: client.get(CONFIG).json()["state"] == "applied", log)
    return int(answer.json()["desired"]["epoch"])


def decide(client: httpx.Client, strength: float, log: Path) -> int:
    """The same, and wait until the edge has said so by an event."""
    applied = kinds(client).count("config-applied")
    epoch = apply(client, strength, log)
    wait(lambda: kinds(client).count("config-applied") > applied, log)
    return epoch


@pytest.mark.parametrize("edge_is_earlier", [True, False], ids=["earlier edge", "earlier aggregator"])
def test_an_edge_and_an_aggregator_one_version_apart_share_frames_events_and_decisions(
    earlier: Path, mosquitto: Mosquitto, tmp_path: Path, edge_is_earlier: bool
):
    edge, aggregator = (earlier, ROOT) if edge_is_earlier else (ROOT, earlier)
    site = Site(tmp_path, mosquitto.endpoint)
    with site.aggregator(aggregator, "aggregator", site.ports) as client, site.edge(edge):
        log = site.log("edge")
        frames_go_on(client, log)
        assert decide(client, 0.5, log) == 1
        frames_go_on(client, log)
        assert client.get("/v1/cameras/north.face/latest.jpg").content[:2] == b"\xff\xd8"


def test_an_earlier_replica_goes_on_while_todays_migrates_its_database_and_does_not_start_again(
    earlier_replica: Path, mosquitto: Mosquitto, tmp_path: Path
):
    site = Site(tmp_path, mosquitto.endpoint)
    with running_postgres() as postgres:
        database, ports = postgres.database(), (pick_port(), pick_port())
        with site.aggregator(earlier_replica, "before", site.ports, database) as before, site.edge(earlier_replica):
            log = site.log("before")
            frames_go_on(before, log)
            assert decide(before, 0.5, log) == 1
            stored = kinds(before)
            with site.aggregator(ROOT, "today", ports, database) as today:
                frames_go_on(before, log)
                wait(lambda: kinds(today)[-len(stored) :] == stored, site.log("today"))  # nothing is lost
                assert apply(before, 0.75, log) == 2  # its event waits at the edge: partitions need today's code
                frames_go_on(before, log)
        words = ("aggregator", "--insecure", "--port", "0", "--grpc-port", "0")
        with site.run(earlier_replica, "again", *words, DAVY_AGGREGATOR_DATABASE=database) as again:
            assert again.wait(WAIT_S) == 2
        assert "a newer Davy wrote the database" in " ".join(site.log("again").read_text().split())
        with site.aggregator(ROOT, "today", site.ports, database) as today, site.edge(ROOT):
            log = site.log("today")
            frames_go_on(today, log)
            wait(lambda: kinds(today).count("config-applied") >= 2, log)
            assert kinds(today)[-len(stored) :] == stored
            history = today.get(f"{CONFIG}/history").json()["history"]
            assert [each["epoch"] for each in history][:2] == [2, 1], json.dumps(history)
