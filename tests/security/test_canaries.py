"""A43: no output of a running, closed mine holds a password, a token or a query: processes, answers, topics and files."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import until
from tests.fixtures.cameras import picture
from tests.fixtures.closed_broker import closed_broker
from tests.fixtures.edges import ear
from tests.fixtures.web_camera import header, web_camera

from davy.access.permissions import REST
from davy.access.roles import Role
from davy.access.topics import MQTT
from davy.adapters.media import jpeg
from davy.site import SiteConfig
from davy_cli.directory import open_directory

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

CANARY = "C4nary"  # in every secret of the test
PASSWORD, QUERY = f"{CANARY}-camera-pw", f"{CANARY}-query"
NAMES = {"camera_id": "north.face", "edge": "north", "event_id": "1", "sample_id": "1", "path": "docs.css"}
STREAM_S = 1.0
READABLE = [f"davy/v1/+/{each}" for each in MQTT[Role.VIEWER].reads]


@dataclass
class Mine:
    """The programs of a mine, each with its log, and the secrets that it was given."""

    folder: Path
    secrets: set[str] = field(default_factory=lambda: {CANARY})
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    shown: dict[str, bytes] = field(default_factory=dict)

    def secret(self, name: str, text: str) -> str:
        """Write a secret to a file that its owner alone reads; returns the path."""
        path = self.folder / f"secret-{name}"
        path.touch(mode=0o600)
        path.write_text(text)
        return str(path)

    @contextmanager
    def program(self, name: str, words: list[str], variables: Mapping[str, str]) -> Iterator[None]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DAVY_")}
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "davy", *words], stdout=log, stderr=log, env=clean | {**variables}
            )
        try:
            yield
        finally:
            process = self.processes[name]
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.shown[f"log of {name}"] = (self.folder / f"{name}.log").read_bytes()

    def run(self, *words: str, **variables: str) -> None:
        """Run a command and keep what it prints."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith("DAVY_")}
        ended = subprocess.run([sys.executable, "-m", "davy", *words], capture_output=True, env=clean | variables, timeout=60)
        self.shown[f"davy {' '.join(words[:2])}"] = ended.stdout + ended.stderr

    def look_at_processes(self) -> None:
        """Keep the command lines of every program and of its children."""
        for name, process in self.processes.items():
            for each in (found := psutil.Process(process.pid), *found.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    self.shown[f"command line of {name}, {each.pid}"] = "\0".join(each.cmdline()).encode()

    def look_at_files(self) -> None:
        """Keep every file that other users may read; the broker's passwords are salted hashes."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.stat().st_mode & 0o004:
                self.shown[f"file {path.relative_to(self.folder)}"] = path.read_bytes()

    def leaks(self) -> list[str]:
        """Where a secret stands, as text, or percent-encoded."""
        return [
            f"{where}: ...{data[max(0, data.find(each) - 80) : data.find(each) + 40]!r}"
            for where, data in self.shown.items()
            for each in sorted(secret.encode() for secret in self.secrets)
            if each in data
        ]


def camera(request, stop) -> None:
    """An MJPEG camera with a password."""
    if "Authorization" not in request.headers:
        request.send_response(401)
        request.send_header("WWW-Authenticate", 'Basic realm="camera"')
        request.end_headers()
        return
    header(request, "multipart/x-mixed-replace; boundary=frame")
    data = jpeg.encode(picture(60), 90)
    while not stop.wait(0.1):
        request.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(data), data))


def site_of(url: str) -> dict[str, object]:
    login, query = f"admin:{PASSWORD}@", f"?pin={QUERY}&channel=1"
    address = url.replace("http://", f"http://{login}") + query
    cameras = {
        "face": {"source": address, "fps": 5},
        "offline": {"source": f"rtsp://{login}127.0.0.1:9/live{query}", "timeout_s": 0.5},
        "wrong": {"source": f"http://admin:{PASSWORD}wrong@127.0.0.1:9/{CANARY}0123456789abcdef/live{query}", "timeout_s": 0.5},
    }
    west = {"enhance": "pool", "cameras": {"belt": {"source": address}}}
    return {"site": "demo", "edges": {"north": {"cameras": cameras}, "west": west}}


async def answers(mine: Mine, client: httpx.AsyncClient, service: str, names: Mapping[str, str]) -> None:
    """Keep the answer to every GET of a service."""
    for operation in REST[service]:
        method, template = operation.split(" ", 1)
        if method != "GET":
            continue
        path = re.sub(r"\{(\w+)(?::path)?\}", lambda found: names.get(found.group(1), "unknown"), template)
        body = bytearray()
        with suppress(TimeoutError, httpx.ReadTimeout):
            async with asyncio.timeout(STREAM_S + 10), client.stream("GET", path, timeout=STREAM_S) as answer:
                body += f"{answer.status_code} {answer.headers}\n".encode()
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > 2_000_000:
                        break
        mine.shown[f"{service} GET {path}"] = bytes(body)


@contextmanager
def clients(mine: Mine, ports: Mapping[str, int], token: str) -> Iterator[dict[str, httpx.AsyncClient]]:
    headers = {"Authorization": f"Bearer {token}"}
    yield {
        name: httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, verify=False, timeout=10)
        for name, port in ports.items()
    }


@pytest.fixture
async def mine(tmp_path) -> AsyncIterator[tuple[Mine, dict[str, httpx.AsyncClient], object]]:
    """Broker, aggregator, edge, enhancer and trainer, closed; every secret in a file."""
    mine = Mine(tmp_path)
    ports = {name: pick_port() for name in ("aggregator", "enhancer", "trainer")}
    grpc_port = pick_port()
    with ExitStack() as stack:
        url = stack.enter_context(web_camera(camera))
        values = site_of(url)
        broker_folder = tmp_path / "broker"
        broker_folder.mkdir()
        closed = stack.enter_context(closed_broker(SiteConfig.model_validate(values), broker_folder))
        mine.secrets |= {password for user, password in closed.passwords.items()}
        site = tmp_path / "site.yaml"
        site.touch(mode=0o600)
        site.write_text(yaml.safe_dump(values))
        data = tmp_path / "aggregator"
        with open_directory(data, "") as directory:
            tokens = {
                name: directory.add_token(name, role, edge, 1, "test")[1]
                for name, role, edge in (
                    ("admin", Role.ADMIN, ""),
                    ("north", Role.EDGE, "north"),
                    ("enhancer", Role.ENHANCER, ""),
                )
            }
        mine.secrets |= set(tokens.values())
        aggregator_url = f"http://127.0.0.1:{ports['aggregator']}"
        wires = {
            "DAVY_CACHE_FILE": mine.secret("cache", f"redis://davy:{CANARY}-cache@127.0.0.1:9/0"),
            "DAVY_AGGREGATOR": f"grpc://127.0.0.1:{grpc_port}",
            "DAVY_ANALYSIS_ENABLED": "false",
        }

        def variables(user: str, token: str = "") -> dict[str, str]:
            found = wires | {"DAVY_BROKER_FILE": mine.secret(f"broker-{user}", closed.endpoint(user))}
            return found | ({"DAVY_TOKEN_FILE": mine.secret(f"token-{token}", tokens[token])} if token else {})

        listen = ["--config", str(site), "--port", str(ports["aggregator"]), "--grpc-port", str(grpc_port)]
        access = {"DAVY_AGGREGATOR_ACCESS": "closed"}
        stack.enter_context(
            mine.program("aggregator", ["aggregator", *listen, "--data", str(data)], variables("davy-aggregator") | access)
        )
        edge = ["edge", "--config", str(site), "--edge", "north", "--data", str(tmp_path / "edge")]
        stack.enter_context(mine.program("edge", edge, variables("north", "north")))
        remote = {"ACCESS": "closed", "DIRECTORY": aggregator_url}
        stack.enter_context(
            mine.program(
                "enhancer",
                ["enhancer", "--config", str(site), "--port", str(ports["enhancer"]), "--grpc-port", "0"],
                variables("davy-enhancer", "enhancer")
                | {f"DAVY_ENHANCER_{name}": value for name, value in remote.items()}
                | {"DAVY_ENHANCER_DATA": str(tmp_path / "enhancer")},
            )
        )
        stack.enter_context(
            mine.program(
                "trainer",
                ["trainer", "--port", str(ports["trainer"]), "--grpc-port", "0", "--data", str(tmp_path / "trainer")],
                {f"DAVY_TRAINER_{name}": value for name, value in remote.items()}
                | {"DAVY_TRAINER_AGGREGATOR": aggregator_url, "DAVY_TRAINER_KEYS": str(tmp_path / "keys")}
                | {"DAVY_TOKEN_FILE": mine.secret("token-enhancer", tokens["enhancer"])},
            )
        )
        with clients(mine, ports, tokens["admin"]) as found:
            yield mine, found, closed
            for each in found.values():
                await each.aclose()


async def live(client: httpx.AsyncClient, camera_id: str) -> bool:
    with suppress(httpx.HTTPError):
        return bool((await client.get(f"/v1/cameras/{camera_id}")).json().get("state") == "live")
    return False


async def ready(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.HTTPError):
        return (await client.get("/healthz")).status_code == 200
    return False


async def provoke(mine: Mine, client: httpx.AsyncClient) -> None:
    """Sign in, fail to, configure, and fail to."""
    user = {"password": f"{CANARY}-password", "role": "viewer"}
    attempts = [
        await client.put("/v1/users/ada", json=user),
        await client.put("/v1/users/bob", json={"password": CANARY, "role": CANARY}),
        await client.post("/v1/session", json={"name": "ada", "password": f"{CANARY}-wrong"}),
        await client.post("/v1/session", json={"name": "ada", "password": CANARY, "extra": [CANARY]}),
        await client.get("/v1/cameras", headers={"Authorization": f"Bearer davy_0123456789ab_{CANARY}"}),
    ]
    config = (await client.get("/v1/edges/north/config")).json()["desired"]["config"]
    for source in (
        f"rtsp://u:{CANARY}@10.0.0.1/x?sig={CANARY}",
        f"rtsp://u:{CANARY}@10.0.0.1:99999/",
        f"gopher://u:{CANARY}@10.0.0.1/",
        f"rtsp://u:{CANARY}@203.0.113.1/live",
        f"rtsp://u:{CANARY}/x@camera/1",
    ):
        cameras = {**config["cameras"], "more": {"source": source}}
        attempts.append(await client.put("/v1/edges/north/config", json={"config": {**config, "cameras": cameras}}))
    attempts.append(
        await client.put("/v1/edges/north/config", json={"config": {"cameras": {"face": {"source": 7, "key": CANARY}}}})
    )
    assert {each.status_code for each in attempts} >= {200, 401, 422}
    mine.shown |= {f"answer {number} to a change": each.content for number, each in enumerate(attempts)}
    signed_in = await client.post("/v1/session", json={"name": "ada", "password": f"{CANARY}-password"})
    mine.secrets |= {cookie.value for cookie in signed_in.cookies.jar if cookie.value}
    client.cookies.clear()


async def test_a43_no_canary_in_any_output_of_a_running_mine(mine):
    found, client, closed = mine[0], mine[1], mine[2]
    async with ear(closed.endpoint("davy-viewer"), *READABLE) as heard:
        await until(lambda: live(client["aggregator"], "north.face"), 90)
        for each in client.values():
            await until(lambda each=each: ready(each), 60)
        await provoke(found, client["aggregator"])
        await until(lambda: any(message.topic.endswith("/reported/config") for message in heard), 30)
        found.shown |= {f"topic {number} {each.topic}": bytes(each.payload) for number, each in enumerate(heard)}
    found.look_at_processes()
    closed.broker.kill()  # every service reconnects in vain
    await until(lambda: b"mqtt." in (found.folder / "edge.log").read_bytes(), 30)
    await asyncio.sleep(3)
    for service, each in client.items():
        await answers(found, each, service, NAMES)
    aggregator = {"DAVY_AGGREGATOR_DATA": str(found.folder / "aggregator")}
    found.run("config", "check", str(found.folder / "site.yaml"))
    found.run("journal", "export", **aggregator)
    found.run("journal", "list", **aggregator)
    found.run("users", "list", **aggregator)
    found.run("tokens", "list", **aggregator)
    for process in found.processes.values():
        process.terminate()
        process.wait(20)
    found.shown |= {f"log of {name}": (found.folder / f"{name}.log").read_bytes() for name in found.processes}
    found.look_at_files()
    for where in ("GET /readyz", "GET /v1/site", "GET /v1/journal", "log of edge", "davy journal", "topic", "command line"):
        assert any(where in each for each in found.shown), where
    assert b"***@127.0.0.1" in b"".join(found.shown.values()), "the addresses are shown, without their secrets"
    assert len(found.shown) > 80
    assert "\n".join(found.leaks()) == ""
