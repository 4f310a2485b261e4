import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from PIL import Image
from tests.fixtures.cameras import UNDERGROUND, jpeg_of, mjpeg_server, rtsp_server, write_video
from tests.fixtures.edges import ear, edge, site_of, until
from tests.fixtures.ingest_server import Ingest, ingest_server

from davy.adapters.camera import open_source
from davy.adapters.media import jpeg
from davy.domain.errors import AddressUnavailableError, CameraUnavailableError, ConfigError
from davy.domain.ports import SourceOptions
from davy.site import SiteConfig
from davy.v1 import ingest_pb2
from davy_edge.app import choose_edge
from davy_edge.settings import EdgeSettings

BASE = "davy/v1/demo/north"


def of(messages, leaf: str) -> list:
    return [message for message in messages if message.topic == f"{BASE}/{leaf}"]


def states(messages) -> list[str]:
    return [json.loads(message.payload)["state"] for message in of(messages, "cam/face/status")]


async def test_p3_frames_reach_both_planes_and_the_sums_hold(mosquitto, pictures, tmp_path):
    async with ingest_server(Ingest()) as server, ear(mosquitto.endpoint) as messages:
        site = site_of(pictures, mosquitto.endpoint, server.endpoint)
        async with edge(site, tmp_path / "data") as running:
            await until(lambda: len(of(messages, "cam/face/frame")) >= 10 and len(server.frames) >= 10)
            assert running.value("davy_frames_in_flight") <= 2
        message = of(messages, "cam/face/frame")[0]
        assert jpeg.decode(message.payload).shape == (240, 320, 3)
        assert (message.content_type, message.properties["width"]) == ("image/jpeg", "320")
        assert json.loads(of(messages, "cam/face/meta")[0].payload)["boot_id"] == running.ready[0].boot_id
        envelope = server.frames[0]
        assert jpeg.decode(envelope.jpeg).mean() > jpeg.decode(envelope.raw_jpeg).mean()  # the mine became visible
        captured, enhanced = (running.value(f"davy_frames_{name}_total") for name in ("captured", "enhanced"))
        before_sinks = sum(running.value("davy_frames_dropped_total", stage=s) for s in ("capture", "enhance", "encode"))
        assert captured == enhanced + before_sinks
        assert running.value("davy_frames_in_flight") == 0
        for sink in ("mqtt", "grpc"):
            dropped = running.value("davy_frames_dropped_total", stage=sink)
            assert enhanced == running.value("davy_frames_sent_total", sink=sink) + dropped


async def test_birth_status_and_stats_are_published_and_a_clean_exit_sets_offline(mosquitto, pictures, tmp_path):
    async with ear(mosquitto.endpoint) as messages:
        async with edge(site_of(pictures, mosquitto.endpoint), tmp_path, stats_every_s=0.3):
            await until(lambda: len(of(messages, "stats")) >= 3)
            await until(lambda: any(json.loads(each.payload)["cameras"]["face"]["fps"] > 5 for each in of(messages, "stats")))
        await until(lambda: of(messages, "status")[-1].payload == b"offline")
    birth, stats = json.loads(of(messages, "info")[0].payload), json.loads(of(messages, "stats")[-1].payload)
    assert of(messages, "status")[0].payload == b"online"
    assert (birth["boot_id"], list(birth["cameras"])) == (stats["boot_id"], ["face"])
    assert stats["cameras"]["face"]["captured"] > 0
    assert stats["rss_bytes"] > 1_000_000
    assert "live" in stats["faults"]  # there is no aggregator
    assert "online" in states(messages)
    assert states(messages)[-1] == "offline"


async def test_the_password_of_a_camera_is_in_no_message(mosquitto, tmp_path):
    site = site_of("rtsp://admin:s3cret@127.0.0.1:9/cam", mosquitto.endpoint)
    async with ear(mosquitto.endpoint) as messages, edge(site, tmp_path):
        await until(lambda: of(messages, "info") and len(of(messages, "event")) >= 2)
    assert not any(b"s3cret" in message.payload for message in messages)


async def test_a_thin_camera_s_raw_frames_go_to_the_pool_only(mosquitto, pictures, tmp_path):
    async with (
        ingest_server(Ingest()) as server,
        ear(mosquitto.endpoint) as messages,
        edge(site_of(pictures, mosquitto.endpoint, server.endpoint, enhance="pool"), tmp_path) as running,
    ):
        await until(lambda: len(of(messages, "cam/face/raw")) >= 5)
        await until(lambda: running.value("davy_frames_sent_total", sink="mqtt") >= 5)
    assert not of(messages, "cam/face/frame")
    assert not server.frames
    assert of(messages, "cam/face/raw")[0].properties["model"] == ""


async def test_p4_an_edge_works_without_broker_and_aggregator(pictures, tmp_path):
    async with edge(site_of(pictures), tmp_path) as running:
        await until(lambda: running.value("davy_frames_enhanced_total") >= 10)
        assert running.value("davy_frames_dropped_total", stage="mqtt", reason="offline") >= 5
        assert running.value("davy_frames_dropped_total", stage="grpc", reason="offline") >= 5


async def test_camera_events_are_published_and_spooled(mosquitto, tmp_path):
    folder = tmp_path / "late"
    async with (
        ear(mosquitto.endpoint) as messages,
        ingest_server(Ingest()) as server,
        edge(site_of(f"file://{folder}", mosquitto.endpoint, server.endpoint), tmp_path / "data"),
    ):
        await until(lambda: "offline" in states(messages) and len(server.events) >= 2)
        folder.mkdir()
        (folder / "a.jpg").write_bytes(jpeg_of(3))
        await until(lambda: "online" in states(messages), 15)
        await until(lambda: len(server.events) >= 3 and len(of(messages, "event")) >= 3)
    kinds = [event.kind for event in server.events]
    assert kinds == ["edge-started", "camera-offline", "camera-online"]
    published = [ingest_pb2.Event.FromString(message.payload).kind for message in of(messages, "event")]
    assert published == kinds


async def test_an_unknown_camera_scheme_is_an_error_of_that_camera_only(mosquitto, tmp_path):
    async with ear(mosquitto.endpoint) as messages, edge(site_of("mine://gallery", mosquitto.endpoint), tmp_path):
        await until(lambda: "error" in states(messages))
    assert "davy simulator serve" in json.loads(of(messages, "cam/face/status")[-2].payload)["reason"]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read()


async def test_health_and_metrics_have_a_port_of_their_own(pictures, tmp_path, free_port):
    async with edge(site_of(pictures), tmp_path, metrics_port=free_port) as running:
        await until(lambda: running.value("davy_frames_enhanced_total") >= 3)
        health = json.loads(await asyncio.to_thread(get, f"http://127.0.0.1:{free_port}/healthz"))
        metrics = (await asyncio.to_thread(get, f"http://127.0.0.1:{free_port}/metrics")).decode()
    assert (health["status"], health["cameras"]) == ("degraded", {"face": "online"})
    assert "mqtt" in health["faults"]
    assert 'davy_frames_captured_total{camera="face",edge="north"}' in metrics


async def test_a_port_that_is_taken_is_a_clear_error(pictures, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(AddressUnavailableError, match="cannot listen"):
        async with edge(site_of(pictures), tmp_path, metrics_port=taken.getsockname()[1]):
            pass


def test_the_edge_must_be_named_where_there_are_several():
    cameras = {"cameras": {"face": {"source": "file:///x"}}}
    site = SiteConfig.model_validate({"site": "demo", "edges": {"north": cameras, "south": cameras}})
    with pytest.raises(ConfigError, match="choose one by --edge: north, south"):
        choose_edge(EdgeSettings(), site)
    with pytest.raises(ConfigError, match="no edge 'west'"):
        choose_edge(EdgeSettings(edge="west"), site)
    assert choose_edge(EdgeSettings(edge="south"), site) == "south"


@pytest.mark.system
async def test_a_camera_that_falls_silent_is_stalled_and_comes_back(mosquitto, tmp_path):
    async with ear(mosquitto.endpoint) as messages:
        with mjpeg_server(jpeg_of, fps=20, limit=60) as url:
            async with edge(site_of(url, mosquitto.endpoint, timeout_s=1), tmp_path):
                await until(lambda: "stalled" in states(messages), 15)
                await until(lambda: states(messages)[-1] == "online", 15)
                await until(lambda: len(of(messages, "event")) >= 4, 5)  # an event goes through the spool, a state does not
    kinds = [ingest_pb2.Event.FromString(message.payload).kind for message in of(messages, "event")]
    assert kinds[1:4] == ["camera-online", "camera-stalled", "camera-online"]


@pytest.mark.system
@pytest.mark.alone
async def test_f01_after_kill_9_of_the_broker_the_edge_is_born_again_and_kept_its_rate(mosquitto, pictures, tmp_path):
    async with edge(site_of(pictures, mosquitto.endpoint), tmp_path) as running:
        await until(lambda: running.value("davy_frames_sent_total", sink="mqtt") >= 20)
        mosquitto.kill()
        began_s, began = time.monotonic(), running.value("davy_frames_enhanced_total")
        await until(lambda: time.monotonic() - began_s > 3)
        rate = (running.value("davy_frames_enhanced_total") - began) / (time.monotonic() - began_s)
        assert rate >= 0.95 * 20
        mosquitto.start()
        port_open_s = time.monotonic()
        async with ear(mosquitto.endpoint) as messages:
            await until(lambda: of(messages, "cam/face/frame") and of(messages, "info"), 8)
            assert time.monotonic() - port_open_s <= 8  # 5 s to reconnect, 3 s for the retained state
            assert of(messages, "status")[-1].payload == b"online"
            assert states(messages)[-1] == "online"


@pytest.mark.system
@pytest.mark.alone
async def test_f02_a_frozen_broker_slows_no_camera(mosquitto, pictures, tmp_path):
    async with edge(site_of(pictures, mosquitto.endpoint), tmp_path) as running:
        await until(lambda: running.value("davy_frames_sent_total", sink="mqtt") >= 20)
        mosquitto.freeze()
        try:
            began_s, began = time.monotonic(), running.value("davy_frames_enhanced_total")
            await until(lambda: time.monotonic() - began_s > 8)
            rate = (running.value("davy_frames_enhanced_total") - began) / (time.monotonic() - began_s)
        finally:
            mosquitto.thaw()
    assert rate >= 0.95 * 20


@pytest.mark.system
async def test_an_rtsp_camera_goes_through_the_edge_and_survives_its_server(mosquitto, tmp_path):
    video = write_video(tmp_path / "cam.mp4", frames=250, fps=25)
    async with ear(mosquitto.endpoint) as messages:
        with rtsp_server(video) as (url, process):
            async with edge(site_of(url, mosquitto.endpoint, timeout_s=1), tmp_path):
                await until(lambda: len(of(messages, "cam/face/frame")) >= 20, 20)
                process.kill()
                process.wait()
                await until(lambda: states(messages)[-1] in ("offline", "stalled"), 10)
                with rtsp_server(video, int(url.split(":")[2].split("/")[0])):
                    observed = len(of(messages, "cam/face/frame"))
                    await until(lambda: len(of(messages, "cam/face/frame")) >= observed + 10, 20)


@pytest.mark.system
@pytest.mark.skipif(not UNDERGROUND.is_dir(), reason=f"{UNDERGROUND} is not there")
@pytest.mark.alone
async def test_real_frames_from_underground_go_through_at_720p(mosquitto, tmp_path):
    site = site_of(f"file://{UNDERGROUND}", mosquitto.endpoint, width=1280, height=720)
    async with ear(mosquitto.endpoint) as messages, edge(site, tmp_path):
        await until(lambda: len(of(messages, "cam/face/frame")) >= 40, 30)
    pictures = [jpeg.decode(message.payload) for message in of(messages, "cam/face/frame")[:5]]
    assert all(each.shape == (720, 1280, 3) for each in pictures)
    assert all(int(b.properties["seq"]) > int(a.properties["seq"]) for a, b in pairwise(of(messages, "cam/face/frame")))


@pytest.mark.system
def test_a_camera_that_comes_and_goes_leaks_no_threads(tmp_path):
    before = threading.active_count()
    for _ in range(5):
        with pytest.raises(CameraUnavailableError):
            open_source(f"file://{tmp_path}/gone", SourceOptions())
    assert threading.active_count() == before


def start_edge(tmp_path: Path, site: SiteConfig) -> "subprocess.Popen[bytes]":
    config = tmp_path / "site.yaml"
    config.write_text(yaml.safe_dump(json.loads(site.model_dump_json(exclude_defaults=True))))
    arguments = [
        sys.executable,
        "-m",
        "davy",
        "edge",
        "--config",
        str(config),
        "--edge",
        "north",
        "--data",
        str(tmp_path / "data"),
    ]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DAVY_")}
    return subprocess.Popen(arguments, stderr=subprocess.DEVNULL, env=clean)


@pytest.mark.system
@pytest.mark.alone
async def test_f05_after_kill_9_the_last_will_speaks_and_no_event_is_lost(mosquitto, pictures, tmp_path):
    site = site_of(pictures, mosquitto.endpoint)
    async with ear(mosquitto.endpoint) as messages:
        process = start_edge(tmp_path, site)
        try:
            await until(lambda: len(of(messages, "cam/face/frame")) >= 5 and len(of(messages, "event")) >= 2, 20)
            process.send_signal(signal.SIGKILL)
            killed_s = time.monotonic()
            await until(lambda: of(messages, "status")[-1].payload == b"offline", 5)
            assert time.monotonic() - killed_s <= 1
            process.wait()
            port = site.aggregator
            async with ingest_server(Ingest()) as server:
                site = site_of(pictures, mosquitto.endpoint, server.endpoint)
                assert site.aggregator != port
                started_s, observed = time.monotonic(), len(of(messages, "cam/face/frame"))
                process = start_edge(tmp_path, site)
                await until(lambda: len(of(messages, "cam/face/frame")) > observed, 10)
                assert time.monotonic() - started_s <= 10
                await until(lambda: len(server.events) >= 4, 10)
        finally:
            process.terminate()
            assert process.wait(10) == 0
    named = [(event.boot_id, event.seq) for event in server.events]
    boots = list(dict.fromkeys(boot for boot, _ in named))
    assert len(boots) == 2
    assert [seq for boot, seq in named if boot == boots[0]] == [1, 2]
    assert len(set(named)) == len(named)


@pytest.mark.system
@pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="mosquitto-clients is not installed")
async def test_a_foreign_client_gets_a_file_that_any_viewer_opens(mosquitto, pictures, tmp_path):
    async with edge(site_of(pictures, mosquitto.endpoint), tmp_path / "data") as running:
        await until(lambda: running.value("davy_frames_sent_total", sink="mqtt") >= 1)
        out = tmp_path / "frame.jpg"
        arguments = ["mosquitto_sub", "-p", str(mosquitto.port), "-t", "davy/v1/+/+/cam/+/frame", "-C", "1", "-N", "-W", "10"]
        with out.open("wb") as file:
            done = await asyncio.to_thread(subprocess.run, arguments, stdout=file, timeout=15)
    assert done.returncode == 0
    with Image.open(out) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("JPEG", (320, 240))
