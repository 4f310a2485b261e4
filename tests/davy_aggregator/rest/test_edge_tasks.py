"""Tasks for edges over REST: a real edge searches real sockets for cameras and takes a picture of a real source."""

import asyncio
import base64
import time
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.cameras import picture
from tests.fixtures.edges import edge
from tests.fixtures.onvif_devices import free_udp_port, simulator
from tests.fixtures.web_camera import header, web_camera

from davy.adapters.media import jpeg
from davy.domain.secret_url import SecretUrl
from davy.v1 import edge_pb2, edge_pb2_grpc

pytestmark = pytest.mark.system
LOOPBACK = {"networks": ["127.0.0.0/8"]}
NORTH = {"north": {"cameras": {"face": {"source": "file:///nowhere"}}, "sources": LOOPBACK}}
SEARCH, TEST = "/v1/edges/north/camera-search", "/v1/edges/north/source-test"


@asynccontextmanager
async def site_with_edge(tmp_path, **settings):
    """An aggregator, and an edge that is attached to it."""
    async with running(make_settings(tmp_path / "aggregator"), make_site(**NORTH)) as aggregator:
        address = SecretUrl(f"grpc://127.0.0.1:{aggregator.grpc_port}")
        site = make_site(**NORTH).model_copy(update={"aggregator": address})
        async with edge(site, tmp_path / "edge", **settings):
            await until(lambda: _attached(aggregator), 10)
            yield aggregator


async def _attached(aggregator) -> bool:
    answer = await aggregator.client.post(TEST, json={"source": "file:///nowhere"})
    return "not connected" not in answer.json()["detail"]


async def test_an_edge_finds_cameras_and_asks_one_with_a_login(tmp_path):
    port = free_udp_port()
    async with (
        site_with_edge(tmp_path, search_port=port, search_s=0.6) as aggregator,
        simulator(port, onvif_user="admin", onvif_password="pit") as http_port,
    ):
        found = (await aggregator.client.post(SEARCH, json={}, timeout=30)).json()["cameras"]
        assert [(each["address"], each["port"], each["login_needed"]) for each in found] == [("127.0.0.1", http_port, True)]
        asked = {"host": "127.0.0.1", "port": http_port, "user": "admin", "password": "pit"}
        (camera,) = (await aggregator.client.post(SEARCH, json=asked, timeout=30)).json()["cameras"]
    assert [each["source"] for each in camera["profiles"]] == [
        f"http://127.0.0.1:{http_port}/{place}.mjpeg" for place in ("gallery", "face")
    ]


async def test_a_source_is_tested_with_a_picture_raw_and_enhanced(tmp_path):
    data = jpeg.encode(picture(40), 90)

    def snapshot(request, stop):
        header(request, "image/jpeg", Content_Length=str(len(data)))
        request.wfile.write(data)

    async with site_with_edge(tmp_path) as aggregator:
        with web_camera(snapshot) as url:
            tested = (await aggregator.client.post(TEST, json={"source": url}, timeout=30)).json()
    raw, enhanced = (jpeg.decode(base64.b64decode(tested[name])) for name in ("raw", "enhanced"))
    assert (tested["width"], tested["height"]) == raw.shape[1::-1] == enhanced.shape[1::-1]
    assert enhanced.mean() > raw.mean()
    assert 8 < tested["fps"] <= 11


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("rtsp://127.0.0.1:9/live", "127.0.0.1"),
        ("http://user:secret@169.254.169.254/", "sources.networks"),
        ("file:///etc/passwd", "sources.folders"),
    ],
)
async def test_a_source_that_fails_has_a_reason_without_its_password(tmp_path, source, reason):
    async with site_with_edge(tmp_path) as aggregator:
        answer = await aggregator.client.post(TEST, json={"source": source}, timeout=30)
    assert answer.status_code == 503
    assert reason in answer.json()["detail"]
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (TEST, {"source": "gopher://user:secret@camera/"}, 422),
        (TEST, {"source": "rtsp://10.0.0.5/", "tls": "perhaps"}, 422),
        (SEARCH, {"user": "admin", "password": "secret"}, 422),
        ("/v1/edges/south/camera-search", {}, 404),
        (SEARCH, {}, 503),
    ],
)
async def test_a_wrong_task_is_refused_without_its_password(aggregator, path, body, status):
    answer = await aggregator.client.post(path, json=body)
    assert answer.status_code == status
    assert "secret" not in answer.text


async def attach(aggregator, hello=("mine", "north")):
    """The stream of an edge, once it is attached."""
    call = edge_pb2_grpc.EdgeServiceStub(aggregator.channel).AttachEdge()
    await call.write(edge_pb2.AttachEdgeRequest(hello=edge_pb2.EdgeHello(site=hello[0], edge=hello[1])))
    assert not (await call.read()).HasField("task")
    return call


async def test_tasks_of_an_edge_that_goes_away_end_at_once(aggregator):
    call = await attach(aggregator)
    asked = asyncio.create_task(aggregator.client.post(TEST, json={"source": "rtsp://10.0.0.5/"}, timeout=30))
    assert (await call.read()).task.test_source.source == "rtsp://10.0.0.5/"
    began_s = time.monotonic()
    call.cancel()
    assert "went away" in (await asked).json()["detail"]
    assert time.monotonic() - began_s < 3


async def test_an_edge_gets_few_tasks_at_a_time(aggregator):
    await attach(aggregator)
    async with AsyncExitStack() as stack:
        asked = [asyncio.create_task(aggregator.client.post(SEARCH, json={}, timeout=30)) for _ in range(5)]
        stack.push_async_callback(asyncio.gather, *asked, return_exceptions=True)
        stack.callback(lambda: [each.cancel() for each in asked])
        first = await next(iter(asyncio.as_completed(asked)))
        assert (first.status_code, first.json()["detail"][:21]) == (503, "the tasks of edge nor")


@pytest.mark.parametrize("hello", [("mine", "south"), ("other", "north"), ("mine", "aggregator")])
async def test_only_an_edge_of_the_site_attaches(aggregator, hello):
    with pytest.raises(grpc.aio.AioRpcError):
        await attach(aggregator, hello)


async def test_a_picture_that_is_none_reaches_nobody(aggregator):
    call = await attach(aggregator)
    asked = asyncio.create_task(aggregator.client.post(TEST, json={"source": "rtsp://10.0.0.5/"}, timeout=30))
    task = (await call.read()).task
    result = edge_pb2.EdgeResult(id=task.id, tested_source=edge_pb2.TestedSource(raw_jpeg=b"<script>"))
    await call.write(edge_pb2.AttachEdgeRequest(result=result))
    assert (await asked).status_code == 422
