"""C3, C5, C6: a source from afar ended an edge at every start, read its files, and sent commands into its network."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.davy_edge.config.test_manager import configured
from tests.fixtures.cameras import picture
from tests.fixtures.configs import report_of, seqs
from tests.fixtures.edges import edge, site_of, until

from davy.adapters.camera import open_source
from davy.adapters.camera.network import pin_address
from davy.adapters.media import jpeg
from davy.domain.errors import CameraUnavailableError
from davy.domain.ports import SourceOptions
from davy.domain.source import InvalidSourceError, Source, SourcePolicy
from davy.edge_config import config_id
from davy.site import EdgeConfig
from davy.twin.configuration import ConfigState
from davy_edge.config.manager import ConfigPointer, open_state_file

pytestmark = pytest.mark.system

MALFORMED = [
    "http://[::1",
    "http://",
    "rtsp://10.0.0.1:99999/x",
    "rtsp://10.0.0.1:-1/x",
    "rtsp://10.0.0.1/x\r\nSET pwned by-davy\r\n",
    "rtsp://10.0.0.1/%0d%0aSET",
    "http://10.0.0.1/\0",
    "http://10.0.0.1/\ud800",
    "usb:///dev/../etc/passwd",
    "usb:///dev/mem",
    "concat:a|b",
    "data:text/plain,x",
    "subfile,,start,0,end,9,,:/etc/passwd",
    "ftp://10.0.0.1/x",
    "http://10.0.0.1/" + "x" * 3000,
]
FORBIDDEN = [
    "file:///etc/passwd",
    "file:///proc/self/environ",
    "usb://0",
    "http://127.0.0.1:8080/v1/edges",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data",
    "rtsp://8.8.8.8/1",
    "http://0.0.0.0/",
]


@pytest.fixture
def own(tmp_path) -> dict:
    """Cameras of an edge's own file: a folder with a dark picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "0.jpg").write_bytes(jpeg.encode(picture(30), 95))
    return {"face": {"source": f"file://{folder}", "fps": 5, "max_age_ms": 5000}}


@pytest.mark.parametrize("source", MALFORMED)
async def test_c3_a_malformed_source_is_refused_by_the_aggregator(tmp_path, source):
    async with running(make_settings(tmp_path), make_site()) as aggregator:
        body = json.dumps({"config": {"cameras": {"face": {"source": source}}}}).encode()  # a lone surrogate is escaped
        headers = {"Content-Type": "application/json"}
        found = await aggregator.client.put("/v1/edges/north/config", content=body, headers=headers)
        assert found.status_code == 422
        assert (await aggregator.get("/v1/edges/north/config")).json()["desired"]["epoch"] == 0


async def test_c3_c5_c6_an_edge_refuses_malformed_and_forbidden_sources_and_its_cameras_go_on(mosquitto, own, tmp_path):
    async with configured(mosquitto, own, tmp_path, max_cameras=4) as (_running, received, publish):
        for epoch, source in enumerate([*MALFORMED[:3], MALFORMED[4], *MALFORMED[8:12], "http://8.8.8.8/", *FORBIDDEN[:3]], 1):
            await publish(epoch, {**own, "spy": {"source": source}})
            assert report_of(received).state is ConfigState.REJECTED, source
        before = len(seqs(received, "face"))
        await until(lambda: len(seqs(received, "face")) > before + 2)


async def test_c3_a_configuration_that_another_version_stored_does_not_end_the_start(own, tmp_path):
    bad = {"enhance": "here", "cameras": {"face": {"source": "http://[::1", "fps": 1}}}
    file = open_state_file(tmp_path / "demo/north/config")
    file.update(epoch=1, target=config_id(bad), state=ConfigState.APPLIED, active=bad)
    async with edge(site_of(own["face"]["source"]), tmp_path) as now:
        await until(lambda: now.value("davy_frames_captured_total", camera="face") > 1)


async def test_c5_a_forbidden_source_that_another_version_stored_is_not_opened(own, tmp_path):
    (tmp_path / "secret.txt").write_text("host plc-00 user root password Hunter00\n")
    bad = {"enhance": "here", "cameras": {"spy": {"source": f"file://{tmp_path}/secret.txt"}, **own}}
    plain = EdgeConfig.model_validate(bad).model_dump(mode="json")
    file = open_state_file(tmp_path / "data/demo/north/config")
    file.update(epoch=1, target=config_id(plain), state=ConfigState.APPLIED, active=plain)
    async with edge(site_of(own["face"]["source"]), tmp_path / "data") as now:
        await until(lambda: now.value("davy_frames_captured_total", camera="face") > 1)
        assert now.value("davy_frames_captured_total", camera="spy") == 0


def test_c5_a_text_file_is_no_picture_even_where_files_are_allowed(tmp_path):
    for name in ("a.txt", "a.nfo", "a.mp4", "a"):
        (tmp_path / name).write_text("host plc-00 user root password Hunter00-TopSecret\n" * 9)
        with pytest.raises(CameraUnavailableError):
            open_source(f"file://{tmp_path}/{name}", SourceOptions())


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile {}\n", "#EXTM3U\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"])
def test_c6_a_playlist_opens_nothing(tmp_path, text):
    with _listener() as (port, asked):
        (tmp_path / "a.mp4").write_text(text.format(f"http://127.0.0.1:{port}/stolen"))
        with pytest.raises(CameraUnavailableError):
            open_source(f"file://{tmp_path}/a.mp4", SourceOptions())
        assert asked == []


def test_c6_a_redirect_does_not_leave_the_allowed_networks():
    with _listener() as (victim, reached), _listener(f"http://127.0.0.2:{victim}/admin?do=reset") as (port, asked):
        policy = SourcePolicy(networks=(ip_network("127.0.0.1/32"),))
        with pytest.raises(InvalidSourceError, match="that network"):
            open_source(f"http://127.0.0.1:{port}/", SourceOptions(policy=policy))
        assert (len(asked), reached) == (1, [])


def test_c6_a_stream_that_is_a_playlist_leads_nowhere():
    with _listener() as (victim, reached), _listener(body=f"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:{victim}/x\n") as (port, _):
        with pytest.raises(CameraUnavailableError):
            open_source(f"http://127.0.0.1:{port}/live.m3u8", SourceOptions(timeout_s=2))
        assert reached == []


@pytest.mark.parametrize("host", ["localhost", "2130706433", "127.1", "0x7f.1"])
def test_c6_a_name_that_leads_to_the_edge_itself_is_refused(host):
    with _listener() as (port, asked):
        for scheme in ("http", "rtsp"):
            with pytest.raises((InvalidSourceError, CameraUnavailableError)):
                open_source(f"{scheme}://{host}:{port}/", SourceOptions(timeout_s=1, policy=SourcePolicy()))
        assert asked == []


def test_c6_ffmpeg_gets_the_address_that_was_checked():
    policy = SourcePolicy(networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))
    url = pin_address(Source.parse("rtsp://user:p#w@localhost:554/a?tcp"), policy)
    assert url in ("rtsp://user:p%23w@127.0.0.1:554/a?tcp", "rtsp://user:p%23w@[::1]:554/a?tcp")


def test_the_policy_is_no_part_of_what_is_configured_from_afar():
    with pytest.raises(ValueError, match="sources"):
        EdgeConfig.model_validate({"cameras": {"a": {"source": "usb://0"}}, "sources": {"schemes": ["usb"]}})
    assert ConfigPointer().active is None


@contextmanager
def _listener(location: str = "", body: str = "") -> Iterator[tuple[int, list[str]]]:
    """A server on every loopback address that notes what it is asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302 if location else 200)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
