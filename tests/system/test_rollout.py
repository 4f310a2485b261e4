"""A model goes to a running mine, and three bad ones do not: `davy demo`, `davy models`, `davy rollout` as they are typed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from tests.fixtures import packages

from davy.models import Package
from davy.models.keyring import signing_key

ROOT = Path(__file__).resolve().parents[2]
CAUGHT_WITHIN_S = 60

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(600)]


class Mine:
    """A running `davy demo` and its commands."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "davy"
        ports = {f"DAVY_DEMO_{name}_PORT": "0" for name in ("CONSOLE", "GRPC", "MQTT", "ENHANCER", "ENHANCER_GRPC")}
        self.environment = {**os.environ, **ports, "DAVY_DEMO_DATA": str(self.data)}
        words = [sys.executable, "-m", "davy", "demo", "--config", str(ROOT / "infra/site.yaml"), "--table", "lines"]
        self.process = subprocess.Popen(
            words, cwd=folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        printed = ""
        assert self.process.stdout is not None
        while "models" not in printed:
            line = self.process.stdout.readline()
            assert line, printed
            printed += line
        self.console = re.findall(r"console +(http[^/]+//[^/]+)", printed)[0]
        self.token = re.findall("DAVY_TOKEN=(.+)", (self.data / "access.env").read_text())[0]
        self.rest = httpx.Client(base_url=self.console, headers={"Authorization": f"Bearer {self.token}"})
        self.grpc = re.findall(r"gRPC +(grpc\S+)", printed)[0]

    def davy(self, *words: str) -> subprocess.CompletedProcess[str]:
        places = {
            "DAVY_REGISTRY": str(self.data / "models"),
            "DAVY_KEYS": str(self.data / "keys"),
            "DAVY_AGGREGATOR": self.grpc,
            "DAVY_TOKEN": self.token,
        }
        command = [sys.executable, "-m", "davy", *words]
        return subprocess.run(command, env={**os.environ, **places}, text=True, capture_output=True, timeout=200)

    def models(self) -> dict[str, str]:
        """What the newest frame of every camera says that made it, once every camera has one."""
        until_s = time.monotonic() + 60
        models = {"": ""}
        while not all(models.values()) and time.monotonic() < until_s:
            cameras = self.rest.get("/v1/cameras").json()["cameras"]
            models = {camera["id"]: camera["model"] for camera in cameras}
            time.sleep(0.1)
        return models


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    running = Mine(tmp_path_factory.mktemp("mine"))
    yield running
    running.rest.close()
    running.process.send_signal(signal.SIGINT)
    running.process.communicate(timeout=60)
    assert running.process.returncode == 0


def add(mine: Mine, package: Package, folder: Path) -> str:
    """Sign it with the mine's own key, and register it."""
    own = packages.sign_again(package, signing_key(mine.data / "keys"))
    path = folder / f"{own.id}.zip"
    path.write_bytes(own.data)
    done = mine.davy("models", "add", str(path))
    assert done.returncode == 0, done.stderr
    return own.id


@pytest.mark.parametrize(("kind", "gate"), [("black", "gate:black"), ("nan", "gate:errors"), ("slow", "gate:slow")])
def test_f22_a_bad_model_is_caught_on_the_canary_within_a_minute(mine, tmp_path, kind, gate):
    before = mine.models()
    model = add(mine, packages.bad_package(kind), tmp_path)
    began_s = time.monotonic()
    done = mine.davy("rollout", "start", model)
    took_s = time.monotonic() - began_s
    assert (done.returncode, gate in done.stdout) == (1, True), done.stdout + done.stderr
    assert took_s < CAUGHT_WITHIN_S
    (rollout,) = [each for each in mine.rest.get("/v1/rollouts").json()["rollouts"] if each["model"] == model]
    assert [edge["desired_epoch"] > 0 for edge in rollout["edges"]] == [True, False, False]
    assert mine.models() == before
    print(f"{kind}: caught and taken back after {took_s:.1f} s")


def test_a_good_model_goes_to_every_edge_and_to_the_pool(mine, tmp_path):
    model = add(mine, packages.good_package("better"), tmp_path)
    done = mine.davy("rollout", "start", model, "--probation-s", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    fleet = [edge for edge in mine.rest.get("/v1/fleet").json()["edges"] if edge["kind"] != "analysis"]  # it runs a detector
    assert {edge["edge"]: edge["reported"]["model"] for edge in fleet} == dict.fromkeys(("north", "south", "pool"), model)
    assert all(edge["reported"]["figures"]["frames-lost"] <= 1 for edge in fleet)
