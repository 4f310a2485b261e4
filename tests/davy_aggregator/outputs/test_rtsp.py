"""RTSP by GStreamer's server, played by ffprobe, GStreamer and PyAV; publishing to GStreamer's server."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import av
import pytest
from cryptography import x509
from tests.conftest import pick_port, wait_for_port
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.outputs.test_hls import output_of, probed
from tests.davy_aggregator.outputs.test_webrtc import pushing
from tests.davy_aggregator.rest.test_screen import bearer
from tests.fixtures.cameras import DEBIAN_PYTHON
from tests.fixtures.identities import Identities
from tests.fixtures.video import VideoSource, age_ms

from davy.access.roles import Role
from davy.domain.recording import Segment
from davy_aggregator.settings import RtspSettings

FIXTURES = Path(__file__).parents[2] / "fixtures"


def has_gstreamer() -> bool:
    check = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    return Path(DEBIAN_PYTHON).exists() and not subprocess.run([DEBIAN_PYTHON, "-c", check], capture_output=True).returncode


pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not has_gstreamer(), reason="apt install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-bad"
    ),
]


@asynccontextmanager
async def serving(folder, **changes):
    """An aggregator with an RTSP server, and its port."""
    settings = RtspSettings(serve=True, port=pick_port(), python=DEBIAN_PYTHON)
    async with running(make_settings(folder, rtsp=settings, **changes), make_site()) as aggregator:
        await asyncio.to_thread(wait_for_port, settings.port, 20)
        yield aggregator, settings.port


def ages_of(url: str, count: int) -> list[int]:
    """How old pictures are when PyAV has decoded them, in ms; the first ones may have waited."""
    options = {"rtsp_transport": "tcp", "fflags": "nobuffer", "flags": "low_delay", "probesize": "32", "analyzeduration": "0"}
    found = []
    with av.open(url, options=options, timeout=20) as stream:
        stream.streams.video[0].codec_context.thread_type = "NONE"
        for frame in stream.decode(video=0):
            found.append(age_ms(frame.to_ndarray(format="gray")))
            if len(found) == count:
                return found
    return found


async def test_ffprobe_gstreamer_and_pyav_play_a_camera(tmp_path):
    source = VideoSource(fps=20)
    async with serving(tmp_path) as (aggregator, port), pushing(aggregator, source):
        url = f"rtsp://127.0.0.1:{port}/north.face"
        player = asyncio.create_task(output_of(DEBIAN_PYTHON, str(FIXTURES / "gst_player.py"), url, "20"))
        found = await probed(url, "-rtsp_transport", "tcp")
        assert (found["codec_name"], found["width"], found["height"]) == ("h264", 640, 360)
        assert int(found["nb_read_packets"]) >= 20
        ages = await asyncio.to_thread(ages_of, url, 30)
        assert sorted(ages)[15] < 2000, ages
        await player
        await until(lambda: not source.wanted, 10)  # nobody watches


async def test_a_viewer_needs_a_token_or_a_link_of_this_camera(tmp_path):
    async with serving(tmp_path, access="closed") as (aggregator, port):
        operator, edge = bearer(tmp_path, Role.OPERATOR), {"authorization": edge_bearer(tmp_path)}
        made = await aggregator.client.post("/v1/cameras/north.face/links", json={"output": "rtsp"}, headers=operator)
        assert made.status_code == 201
        other = await aggregator.client.post("/v1/cameras/north.belt/links", json={"output": "rtsp"}, headers=operator)
        hls = await aggregator.client.post("/v1/cameras/north.face/links", json={"output": "hls"}, headers=operator)
        link = made.json()["url"]
        assert link.startswith("rtsp://link:") and link.endswith(f"@127.0.0.1:{port}/north.face")
        token = operator["Authorization"].split()[1]
        async with pushing(aggregator, metadata=edge):
            for url in (f"rtsp://any:{token}@127.0.0.1:{port}/north.face", link):
                assert (await probed(url, "-rtsp_transport", "tcp"))["codec_name"] == "h264"
            tokens = ["wrong", other.json()["url"].split(":")[2].split("@")[0], hls.json()["url"].split("token=")[1]]
            for refused in ["", *(f"any:{each}@" for each in tokens)]:
                with pytest.raises(AssertionError, match="401"):
                    await probed(f"rtsp://{refused}127.0.0.1:{port}/north.face", "-rtsp_transport", "tcp")


def shown_serial(port: int, ca: Path) -> int:
    """The serial number of the certificate that the server shows."""
    context = ssl.create_default_context(cafile=str(ca))
    with (
        socket.create_connection(("127.0.0.1", port), 5) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as made,
    ):
        return x509.load_der_x509_certificate(made.getpeercert(True)).serial_number


async def test_with_an_identity_it_speaks_tls_alone_and_shows_the_newest_certificate(tmp_path):
    identities = Identities.make(tmp_path / "identities", "mine")
    first = identities.write("aggregator/main")
    tls = identities.settings("aggregator/main", require_client_certificate=False)
    ca = identities.path("aggregator/main") / "ca.pem"
    async with serving(tmp_path, tls=tls) as (_, port):
        assert await asyncio.to_thread(shown_serial, port, ca) == first.certificate.serial_number
        second = identities.write("aggregator/main").certificate.serial_number
        await until(lambda: shown_serial(port, ca) == second, 10)
        url = f"rtsps://127.0.0.1:{port}/north.nowhere"
        for wire, said in ((url, "404"), (url.replace("rtsps", "rtsp"), "error|Invalid|End of file|Connection")):
            with pytest.raises(AssertionError, match=said):
                await probed(wire, "-rtsp_transport", "tcp")


def edge_bearer(folder) -> str:
    from davy_cli.directory import open_directory

    with open_directory(folder, "") as directory:
        _, secret = directory.add_token("north", Role.EDGE, "north", 1, "test")
    return f"Bearer {secret}"


async def test_a_killed_server_comes_back(tmp_path):
    async with serving(tmp_path) as (aggregator, port), pushing(aggregator):
        os.kill(pid_of_server(), signal.SIGKILL)

        async def plays():
            try:
                return await probed(f"rtsp://127.0.0.1:{port}/north.face", "-rtsp_transport", "tcp")
            except AssertionError:
                return None

        await until(plays, 20)


def pid_of_server() -> int:
    children = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "gst_server.py"], capture_output=True, text=True, check=True
    )
    return int(children.stdout.split()[0])


def started(command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
async def test_a_killed_media_server_receives_the_camera_again_and_the_recording_has_no_gap(tmp_path, kills):
    port, file = pick_port(), tmp_path / "received.h264"
    command = [DEBIAN_PYTHON, str(FIXTURES / "rtsp_recorder.py"), str(port), "/north/face", str(file)]
    push = RtspSettings(push=f"rtsp://127.0.0.1:{port}/{{edge}}/{{camera}}")
    site = make_site(north={"cameras": {"face": {"source": "mine://face", "record": {"mode": "continuous", "days": 0}}}})

    def received() -> int:
        return file.stat().st_size if file.exists() else 0

    server = started(command)
    try:
        async with running(make_settings(tmp_path, rtsp=push), site) as aggregator, pushing(aggregator):
            await until(lambda: received() > 200_000, 20)
            for _ in range(kills):
                server.kill()
                server.wait()
                before = received()
                server = started(command)
                await until(lambda before=before: received() > before + 200_000, 30)
    finally:
        server.kill()
        server.wait()
    with av.open(str(file), format="h264") as stream:
        assert len(list(stream.decode(video=0))) > 10 * kills
    recorded = [
        Segment.parse(str(path.relative_to(tmp_path / "recordings")), 1) for path in (tmp_path / "recordings").rglob("*.mp4")
    ]
    recorded.sort(key=lambda segment: segment.first_seq)
    assert all(after.first_seq == before.last_seq + 1 for before, after in pairwise(recorded))
