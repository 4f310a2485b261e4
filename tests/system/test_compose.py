"""`make compose-test`: the mine in containers, seen from outside. Needs a Docker engine with Compose v2."""

import os
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
import grpc
import httpx
import pytest

from davy.adapters.media import jpeg
from davy.domain.topics import Topic, all_cameras
from davy.v1 import ingest_pb2, ingest_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
CAMERAS = {"north.gallery", "north.face", "south.conveyor", "west.junction"}
CONSOLE, ENHANCER, TRAINER = (f"https://localhost:{port}" for port in (8080, 8081, 8082))
HEALTHY_WITHIN_S = 60
TRUST = ROOT / "infra" / "trust" / "trust.json"
SAMPLED_WITHIN_S = 400  # an edge sends its first sample after five minutes
TRAINED_WITHIN_S = 600
CONFIRMED_WITHIN_S = 60
ROLLED_OUT_WITHIN_S = 300
FEW_STEPS = {"guided": False, "rounds": 1, "enhance": {"steps": 4}}

pytestmark = [pytest.mark.slow, pytest.mark.system, pytest.mark.timeout(1800)]


def compose(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", "compose", *words], cwd=ROOT, check=check, text=True, stdout=subprocess.PIPE)


def engine_is_missing() -> str:
    if not shutil.which("docker"):
        return "no docker command"
    for words in (["docker", "info"], ["docker", "compose", "version"]):
        if subprocess.run(words, capture_output=True, check=False).returncode != 0:
            return f"`{' '.join(words)}` fails"
    return ""


def plugin_of_the_broker() -> str:
    """Where this machine's image of Mosquitto has its dynamic security plugin: builds of the image differ."""
    find = "find / -name mosquitto_dynamic_security.so 2>/dev/null"
    words = ["docker", "run", "--rm", "--entrypoint", "sh", "eclipse-mosquitto:2", "-c", find]
    return subprocess.run(words, check=False, text=True, stdout=subprocess.PIPE).stdout.split()[0]


@pytest.fixture(scope="module")
def mine():
    """The composed mine, built and healthy; yields the seconds it took from `up` to healthy."""
    if reason := engine_is_missing():
        pytest.skip(f"no Docker engine here: {reason}")
    compose("--profile", "train", "build")
    os.environ["DAVY_BROKER_PLUGIN"] = plugin_of_the_broker()
    begun = time.monotonic()
    try:
        compose("up", "--detach", "--wait", "--wait-timeout", "120")
        yield time.monotonic() - begun
    finally:
        print(compose("logs", "--tail", "20", check=False).stdout)
        compose("--profile", "train", "down", "--volumes", "--timeout", "10", check=False)


@dataclass(frozen=True)
class Access:
    """How people and their programs reach the mine: the authority, the administrator's session, and the login at the broker."""

    ca: Path
    session: httpx.Cookies
    mqtt: str

    def client(self, **more: Any) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=str(self.ca))
        return httpx.Client(verify=trusted, cookies=self.session, timeout=20, trust_env=False, **more)


@pytest.fixture(scope="module")
def access(mine, tmp_path_factory) -> Access:
    """Signed in with the password that the service init printed."""
    ca = tmp_path_factory.mktemp("access") / "ca.pem"
    ca.write_text(compose("exec", "-T", "aggregator", "cat", "/people/ca.pem").stdout)
    password = re.findall(r"password +(\S+)", compose("logs", "init").stdout)[0]
    mqtt = re.findall("MQTT_URL=(.+)", compose("exec", "-T", "aggregator", "cat", "/people/access.env").stdout)[0]
    found = Access(ca, httpx.Cookies(), mqtt)
    with found.client() as client:
        answer = client.post(f"{CONSOLE}/v1/session", json={"name": "admin", "password": password})
        assert answer.status_code == 200, answer.text
        return Access(ca, answer.cookies, mqtt)


def until(access: Access, url: str, holds: Callable[[Any], object], within_s: float) -> Any:
    """What the URL answers, once it is so."""
    ends = time.monotonic() + within_s
    with access.client() as client:
        while not holds(seen := client.get(url).json()):
            assert time.monotonic() < ends, f"{url} not within {within_s} s; the last was {seen}"
            time.sleep(2)
    return seen


@pytest.fixture
def trust():
    """infra/trust/trust.json may be written, and is afterwards as it was."""
    before = TRUST.read_bytes() if TRUST.exists() else None
    yield TRUST
    if before is None:
        TRUST.unlink(missing_ok=True)
    else:
        TRUST.write_bytes(before)


def test_every_service_is_healthy_within_a_minute(mine):
    print(f"healthy after {mine:.1f} s")
    assert mine <= HEALTHY_WITHIN_S


def test_nobody_is_served_without_an_identity(access):
    with httpx.Client(verify=ssl.create_default_context(cafile=str(access.ca)), trust_env=False) as client:
        assert client.get(f"{CONSOLE}/v1/cameras").status_code == 401
        assert client.get(f"{ENHANCER}/v1/jobs").status_code == 401
    with pytest.raises(httpx.TransportError):
        httpx.get(CONSOLE.replace("https", "http") + "/v1/cameras", trust_env=False)
    credentials = grpc.ssl_channel_credentials(access.ca.read_bytes())
    with grpc.secure_channel("localhost:50051", credentials) as channel, pytest.raises(grpc.RpcError) as refused:
        next(ingest_pb2_grpc.FrameServiceStub(channel).SubscribeFrames(ingest_pb2.SubscribeFramesRequest(), timeout=20))
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAUTHENTICATED)


async def test_a_foreign_subscriber_gets_plain_jpegs_of_every_camera(access):
    seen: dict[str, bytes] = {}
    url, trusted = urlsplit(access.mqtt), ssl.create_default_context(cafile=str(access.ca))
    async with aiomqtt.Client(
        url.hostname or "",
        url.port or 0,
        username=url.username,
        password=url.password,
        tls_context=trusted,
        protocol=aiomqtt.ProtocolVersion.V5,
    ) as client:
        await client.subscribe(all_cameras("frame"))
        async for message in client.messages:
            topic = Topic.parse(str(message.topic))
            seen[f"{topic.edge}.{topic.camera}"] = bytes(message.payload)
            if seen.keys() == CAMERAS:
                break
    assert {jpeg.decode(data).shape for data in seen.values()} == {(720, 1280, 3)}


def test_mosquitto_sub_writes_a_file_that_any_viewer_opens(access, tmp_path):
    if not shutil.which("mosquitto_sub"):
        pytest.skip("mosquitto_sub is not installed (Debian: mosquitto-clients)")
    path = tmp_path / "frame.jpg"
    with path.open("wb") as file:
        wanted = ["--cafile", str(access.ca), "-L", f"{access.mqtt}/davy/v1/+/+/cam/+/frame"]
        words = ["mosquitto_sub", *wanted, "-C", "1", "-N", "-W", "20"]
        subprocess.run(words, check=True, stdout=file)
    assert jpeg.decode(path.read_bytes()).shape == (720, 1280, 3)


def test_rest_lists_the_cameras_and_serves_their_latest_frames(access):
    with access.client(base_url=CONSOLE) as client:
        listed = client.get("/v1/cameras").json()
        assert {camera["id"] for camera in listed["cameras"]} == CAMERAS
        for camera in CAMERAS:
            latest = client.get(f"/v1/cameras/{camera}/latest.jpg")
            assert latest.headers["content-type"] == "image/jpeg"
            assert jpeg.decode(latest.content).shape == (720, 1280, 3)
        assert "davy_" in client.get("/metrics").text


def test_the_enhancement_service_enhances_a_posted_image(access):
    with access.client() as client:
        raw = client.get(f"{CONSOLE}/v1/cameras/north.gallery/latest.jpg", params={"variant": "raw"})
        answer = client.post(f"{ENHANCER}/v1/enhance", content=raw.content, headers={"content-type": "image/jpeg"})
    assert answer.status_code == 200
    assert jpeg.decode(answer.content).mean() > jpeg.decode(raw.content).mean()


def test_no_container_runs_as_root_or_writes_to_its_own_file_system(mine):
    for name in compose("ps", "--quiet").stdout.split():
        inspected = ["docker", "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Memory}} {{.Id}}", name]
        read_only, memory, _ = subprocess.run(inspected, check=True, text=True, stdout=subprocess.PIPE).stdout.split()
        assert read_only == "true"
        assert int(memory) > 0
        uid = subprocess.run(["docker", "exec", name, "id", "-u"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
        assert uid != "0"


def test_the_training_service_signs_a_model_that_every_edge_takes_once_a_second_person_agrees(access, trust):
    """As infra/trust/README.md tells it: the key is made in the trainer's volume, its public half is given to the edges."""
    compose("--profile", "train", "up", "--detach", "--wait", "--wait-timeout", "120", "trainer")
    compose("exec", "-T", "trainer", "davy", "keys", "new", "--folder", "keys")
    trust.write_text(compose("exec", "-T", "trainer", "cat", "keys/trust.json").stdout)

    until(access, f"{CONSOLE}/v1/samples", lambda seen: len(seen["samples"]) >= 2, SAMPLED_WITHIN_S)
    asked = {"kind": "retrain", "reason": "new lamps", "overrides": FEW_STEPS}
    with access.client() as client:
        run = client.post(f"{TRAINER}/v1/training-runs", json=asked).json()["id"]
    ended = ("done", "failed", "cancelled")
    done = until(access, f"{TRAINER}/v1/training-runs/{run}", lambda seen: seen["state"] in ended, TRAINED_WITHIN_S)
    assert done["state"] == "done", done["told"]

    model = done["result"]["model"]
    with access.client() as client:
        listed = client.get(f"{CONSOLE}/v1/models").json()["models"]
    assert model in {each["id"] for each in listed}
    token = compose("exec", "-T", "aggregator", "davy", "tokens", "make", "engineer", "--role", "engineer").stdout.strip()
    acting = ["docker", "compose", "exec", "-T", "-e", f"DAVY_TOKEN={token}", "aggregator"]
    words = [*acting, "davy", "rollout", "start", model, "--edge", "north", "--edge", "south", "--probation-s", "5"]
    with subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.PIPE) as engineer:
        waiting = until(access, f"{CONSOLE}/v1/rollouts", lambda seen: seen["rollouts"], CONFIRMED_WITHIN_S)["rollouts"][0]
        assert waiting["state"] == "unconfirmed"
        with access.client() as client:  # the administrator is the second person
            assert client.post(f"{CONSOLE}/v1/rollouts/{waiting['id']}/confirm").status_code == 200
        assert "2 active" in engineer.communicate(timeout=ROLLED_OUT_WITHIN_S)[0]
    with access.client() as client:
        fleet = client.get(f"{CONSOLE}/v1/fleet").json()["edges"]
    assert {each["edge"] for each in fleet if each["reported"]["frame_id"] == done["result"]["frame_id"]} >= {"north", "south"}
