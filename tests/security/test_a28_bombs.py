"""A28, A29, A32: pictures, streams and recordings that grow when they are opened, or lead elsewhere."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs
from tests.davy_enhancer.conftest import running
from tests.davy_enhancer.test_jobs import archive_of, finished, send
from tests.fixtures.cameras import picture
from tests.fixtures.closed_broker import closed_broker
from tests.fixtures.edges import edge, until
from tests.fixtures.web_camera import header, web_camera
from tests.security.closed import memory_bytes

from davy.adapters import mqtt
from davy.adapters.media import jpeg
from davy.domain.ports import Message
from davy.site import SiteConfig

pytestmark = pytest.mark.system

ALLOWED = (7680, 4320)  # the largest that a camera may have
TOO_LARGE = (8000, 7900)  # 63 million pixels in less than 1 MB
POOL_MEGAPIXELS = 36
HELD_BYTES = 450_000_000  # a picture of 8K on its way, and the state of one such camera


def blank(size: tuple[int, int]) -> bytes:
    return jpeg.encode(np.zeros((size[1], size[0], 3), np.uint8), 20, 10**8)


def raw(camera: str, payload: bytes, seq: int = 1) -> Message:
    facts = {"seq": str(seq), "captured_ns": str(time.time_ns()), "boot_id": "b1", "width": "320", "height": "180"}
    return Message(f"davy/v1/demo/{camera}/raw", payload, properties=facts)


async def test_a28_bombs_of_one_edge_neither_fill_the_pool_s_memory_nor_stop_the_neighbour(tmp_path):
    own = {"enhance": "pool", "cameras": {"cam": {"source": "simulator://face", "max_age_ms": 30_000}}}
    site = SiteConfig.model_validate({"site": "demo", "edges": {"north": own, "south": own}})
    bombs, small = [blank(ALLOWED), blank(TOO_LARGE)], jpeg.encode(picture(30), 90)
    with closed_broker(site, tmp_path) as broker:
        own_site = site.model_copy(update={"broker": broker.endpoint("davy-enhancer")})
        async with (
            running(tmp_path / "data", own_site, pool_megapixels=POOL_MEGAPIXELS) as service,
            mqtt.connect(broker.endpoint("north"), "north") as north,
            mqtt.connect(broker.endpoint("south"), "south") as south,
        ):
            await until(lambda: north.connected and south.connected)

            def enhanced(edge_: str, camera: str = "cam") -> float:
                return service.count("davy_frames_enhanced_total", edge=edge_, camera=camera)

            async def neighbour_goes_on() -> None:
                before, seq = enhanced("south"), time.monotonic_ns()
                await south.publish(raw("south/cam/cam", small, seq))
                await until(lambda: enhanced("south") > before, 20)

            await until_enhanced(south, small, enhanced)
            before = memory_bytes()
            for number in range(5):
                await north.publish(raw(f"north/cam/c{number}", bombs[0]))
                await until(lambda number=number: enhanced("north", f"c{number}") == 1, 30)
                await north.publish(raw(f"north/cam/d{number}", bombs[1]))
                await neighbour_goes_on()
            assert memory_bytes() - before < HELD_BYTES
            refused = {"edge": "north", "camera": "d4", "stage": "enhance"}
            await until(lambda: service.count("davy_frames_dropped_total", **refused, reason="error") == 1, 20)
            await neighbour_goes_on()
            assert (await service.http.get("/readyz")).json()["status"] == "ready"


async def test_a28_invented_cameras_of_one_edge_push_out_none_of_the_neighbour(tmp_path):
    own = {"enhance": "pool", "cameras": {"cam": {"source": "simulator://face", "max_age_ms": 30_000}}}
    site = SiteConfig.model_validate({"site": "demo", "edges": {"north": own, "south": own}})
    small = jpeg.encode(picture(30), 90)
    with closed_broker(site, tmp_path) as broker:
        own_site = site.model_copy(update={"broker": broker.endpoint("davy-enhancer")})
        async with (
            running(tmp_path / "data", own_site, pool_cameras=4) as service,
            mqtt.connect(broker.endpoint("north"), "north") as north,
            mqtt.connect(broker.endpoint("south"), "south") as south,
        ):
            await until(lambda: north.connected and south.connected)

            def enhanced(edge_: str) -> float:
                return service.count("davy_frames_enhanced_total", edge=edge_, camera="cam")

            await until_enhanced(south, small, enhanced)
            for number in range(60):
                await north.publish(raw(f"north/cam/c{number}", small))
            await north.publish(raw("north/cam/cam", small))
            await until(lambda: enhanced("north") == 1, 20)
            before = enhanced("south")
            assert before >= 1, "its figures go with its state"
            await south.publish(raw("south/cam/cam", small, time.monotonic_ns()))
            await until(lambda: enhanced("south") == before + 1, 20)


async def until_enhanced(bus, payload: bytes, enhanced) -> None:
    """Send frames until the pool has subscribed and enhanced one."""
    seq = 0
    while not enhanced("south"):
        seq += 1
        await bus.publish(raw("south/cam/cam", payload, seq))
        try:
            await until(lambda: enhanced("south"), 0.5)
        except TimeoutError:
            assert seq < 40


@contextmanager
def mjpeg_camera(*pictures: bytes) -> Iterator[str]:
    """An HTTP camera that sends these pictures again and again."""

    def answer(request: http.server.BaseHTTPRequestHandler, stop: threading.Event) -> None:
        header(request, "multipart/x-mixed-replace; boundary=frame")
        while not stop.wait(0.1):
            for data in pictures:
                request.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + data + b"\r\n")

    with web_camera(answer) as url:
        yield url


async def test_a29_a_camera_that_sends_bombs_is_at_fault_and_its_neighbour_is_live(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.jpg").write_bytes(jpeg.encode(picture(30), 90))
    with mjpeg_camera(blank(TOO_LARGE), blank((12_000, 12_000))) as url:
        cameras = {"face": {"source": f"file://{tmp_path}/pictures", "fps": 5}, "bomb": {"source": url, "timeout_s": 2}}
        edges = {"north": {"cameras": cameras, "sources": {"networks": ["127.0.0.0/8"]}}}
        site = SiteConfig.model_validate({"site": "demo", "broker": "mqtt://127.0.0.1:9", "edges": edges})
        async with edge(site, tmp_path / "data") as now:
            await until(lambda: now.value("davy_frames_enhanced_total", camera="face") > 3, 20)
            before, frames = memory_bytes(), now.value("davy_frames_enhanced_total", camera="face")
            most = before
            ends_s = time.monotonic() + 4

            def watched() -> bool:
                nonlocal most
                most = max(most, memory_bytes())
                return time.monotonic() > ends_s

            await until(watched, 20)
            assert most - before < 100_000_000
            assert now.value("davy_frames_enhanced_total", camera="bomb") == 0
            await until(lambda: now.value("davy_frames_enhanced_total", camera="face") > frames + 3, 20)
            assert not now.task.done()


async def test_a29_cameras_that_send_large_pictures_have_one_budget_and_their_neighbour_keeps_its_rate(tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.jpg").write_bytes(jpeg.encode(picture(30), 90))
    with mjpeg_camera(blank(ALLOWED)) as url:
        hacked = {f"hacked-{number}": {"source": url, "fps": 1} for number in range(4)}
        cameras = {"face": {"source": f"file://{tmp_path}/pictures", "fps": 5}, **hacked}
        edges = {"north": {"cameras": cameras, "sources": {"networks": ["127.0.0.0/8"]}}}
        site = SiteConfig.model_validate({"site": "demo", "broker": "mqtt://127.0.0.1:9", "edges": edges})
        with capture_logs() as logs:  # the event of a camera is logged, too
            async with edge(site, tmp_path / "data", max_megapixels=40) as now:

                def enhanced(camera: str) -> float:
                    return now.value("davy_frames_enhanced_total", camera=camera)

                def closed() -> dict[str, str]:
                    return {each["camera"]: each["message"] for each in logs if each.get("kind") == "camera-too-large"}

                def open_() -> int:
                    return sum(now.value("davy_frames_captured_total", camera=name) > 0 for name in hacked)

                await until(lambda: open_() == 1 and enhanced("face") > 3, 30)
                await until(lambda: len(closed()) == 3, 30)
                assert all(
                    f"camera {name} is closed: its pictures of 7680x4320" in message for name, message in closed().items()
                )
                before = enhanced("face")
                await until(lambda: enhanced("face") > before + 5, 20)
                assert open_() == 1
                assert not now.task.done()


@contextmanager
def listener() -> Iterator[tuple[int, list[str]]]:
    """A server that notes what it is asked for."""
    asked: list[str] = []

    def answer(request: http.server.BaseHTTPRequestHandler, _: threading.Event) -> None:
        asked.append(request.path)
        header(request, "video/mp4")

    with web_camera(answer) as url:
        yield int(url.split(":")[2].split("/")[0]), asked


PLAYLISTS = {
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n",
    "ffconcat": "ffconcat version 1.0\nfile {0}\nfile {1}\n",
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video {2} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "DASH": '<?xml version="1.0"?><MPD><Period><BaseURL>{0}</BaseURL></Period></MPD>',
    "a list of files": "{1}\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
async def test_a32_a_playlist_that_is_called_a_recording_opens_nothing(tmp_path: Path, name: str):
    (tmp_path / "secret.txt").write_text("host plc-00 user root password Hunter00\n" * 50)
    with listener() as (port, asked):
        async with running(tmp_path / "data") as service:
            text = PLAYLISTS[name].format(f"http://127.0.0.1:{port}/stolen", f"{tmp_path}/secret.txt", port).encode()
            for suffix in ("mp4", "mkv", "avi", "ts"):
                job = await finished(service, await send(service, text, name=f"a.{suffix}"))
                assert job["state"] == "failed"
                assert "Hunter00" not in json.dumps(job)
            members = archive_of(**{"a.jpg": text, "b.jpg": jpeg.encode(picture(30), 90)})
            inside = await finished(service, await send(service, members, name="a.zip"))
            assert (inside["state"], len(inside["failures"])) == ("done", 1)
            assert (await service.http.get("/readyz")).json()["status"] == "ready"
        assert asked == []
