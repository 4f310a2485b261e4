"""`davy demo` as a newcomer meets it: one command, real sockets, a real browser, a foreign subscriber."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest

from davy.adapters.media import jpeg
from davy.v1 import ingest_pb2, ingest_pb2_grpc

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
READY_WITHIN_S = 60  # 4 to 5 s on an idle machine; a test machine is rarely idle
TILES = 4

pytestmark = [pytest.mark.system, pytest.mark.alone, pytest.mark.timeout(300)]


@dataclass
class RunningMine:
    """The process and what it printed where it listens."""

    process: "subprocess.Popen[str]"
    printed: str
    folder: Path

    def port(self, after: str) -> int:
        found = re.search(after + r"\S*?:(\d+)", self.printed)
        assert found, self.printed
        return int(found[1])

    @property
    def console(self) -> str:
        return f"http://127.0.0.1:{self.port('console +http')}"

    @property
    def shell(self) -> dict[str, str]:
        """What the file for a shell sets."""
        lines = (self.folder / "davy" / "access.env").read_text().splitlines()
        return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def start(folder: Path, *words: str) -> "subprocess.Popen[str]":
    ports = {f"DAVY_DEMO_{name}_PORT": "0" for name in ("CONSOLE", "GRPC", "MQTT", "ENHANCER", "ENHANCER_GRPC")}
    command = [sys.executable, "-m", "davy", "demo", "--config", str(ROOT / "infra/site.yaml"), *words]
    environment = {**os.environ, **ports, "DAVY_DEMO_DATA": str(folder / "davy")}
    return subprocess.Popen(command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    process = start(folder, "--table", "lines")
    printed = ""
    ends = time.monotonic() + READY_WITHIN_S
    assert process.stdout is not None
    while "gRPC" not in printed:
        line = process.stdout.readline()
        assert line, f"the mine ended: {printed}"
        assert time.monotonic() < ends, printed
        printed += line
    yield RunningMine(process, printed, folder)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "Summary" in rest


def test_the_mine_warns_of_nothing_while_all_is_well(mine):
    assert "[warning" not in mine.printed
    assert "[error" not in mine.printed


def test_the_console_shows_four_tiles_that_move(mine, tmp_path):
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 860})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(re.findall(r"http\S+#link=\S+", mine.printed)[0])  # the printed link signs the browser in
        page.locator(".tile[data-state=live]").nth(TILES - 1).wait_for(timeout=60_000)
        tiles = page.locator(".tile canvas")
        before = [tiles.nth(index).screenshot() for index in range(TILES)]
        page.wait_for_timeout(2000)
        after = [tiles.nth(index).screenshot() for index in range(TILES)]
        page.screenshot(path=str(tmp_path / "console.png"))
        browser.close()
    assert all(first != second for first, second in zip(before, after, strict=True))
    assert not errors


def test_mosquitto_sub_writes_a_file_that_any_viewer_opens(mine, tmp_path):
    if not shutil.which("mosquitto_sub"):
        pytest.skip("needs mosquitto_sub (Debian: mosquitto-clients)")
    path = tmp_path / "frame.jpg"
    with path.open("wb") as file:
        words = ["-V", "5", "-L", mine.shell["MQTT_URL"] + "/davy/v1/+/+/cam/+/frame", "-C", "1", "-N", "-W", "20"]
        subprocess.run(["mosquitto_sub", *words], check=True, stdout=file)
    assert jpeg.decode(path.read_bytes()).shape == (720, 1280, 3)


def test_rest_serves_every_camera_brighter_than_it_is(mine):
    headers = {"Authorization": f"Bearer {mine.shell['DAVY_TOKEN']}"}
    with httpx.Client(base_url=mine.console, timeout=20, headers=headers) as client:
        cameras = [camera["id"] for camera in client.get("/v1/cameras").json()["cameras"]]
        assert len(cameras) == TILES
        for camera in cameras:
            enhanced, raw = (
                client.get(f"/v1/cameras/{camera}/latest.jpg", params={"variant": variant}) for variant in ("enhanced", "raw")
            )
            assert jpeg.decode(enhanced.content).mean() > 1.3 * jpeg.decode(raw.content).mean()


def test_nobody_reads_or_writes_without_an_identity(mine):
    """Every wire asks: HTTP of both services, gRPC and MQTT. The file with the token is for its owner alone."""
    for url in (f"{mine.console}/v1/cameras", f"http://127.0.0.1:{mine.port('and http')}/v1/jobs"):
        assert httpx.get(url).status_code == 401
    stub = ingest_pb2_grpc.FrameServiceStub(grpc.insecure_channel(f"127.0.0.1:{mine.port('gRPC +grpc')}"))
    with pytest.raises(grpc.RpcError) as refused:
        next(stub.SubscribeFrames(ingest_pb2.SubscribeFramesRequest(), timeout=20))
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
    if shutil.which("mosquitto_sub"):
        words = ["mosquitto_sub", "-V", "5", "-p", str(mine.port("mqtt")), "-t", "#", "-C", "1", "-W", "5"]
        assert subprocess.run(words, capture_output=True, check=False).returncode not in (0, 27)  # 27: let in, and timed out
    assert stat.S_IMODE((mine.folder / "davy" / "access.env").stat().st_mode) == 0o600


def test_a_taken_port_is_replaced_and_said(mine, tmp_path):
    taken = mine.port("console +http")
    process = start(tmp_path, "--seconds", "3", "--port", str(taken), "--table", "off")
    printed, _ = process.communicate(timeout=120)
    assert f"port {taken} (console) is in use: using " in printed
    assert process.returncode == 0, printed


def test_a_wrong_mine_file_ends_with_its_line_before_anything_starts(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text("site: demo\nedges:\n  north: {cameras: {face: {source: 'ftp://x'}}}\n")
    command = [sys.executable, "-m", "davy", "demo", "--config", str(path)]
    ended = subprocess.run(command, text=True, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert f"{path}:3: edges.north.cameras.face.source: " in ended.stderr
