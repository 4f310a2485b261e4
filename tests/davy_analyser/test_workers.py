"""Analysers in processes of their own, over real sockets."""

import asyncio
import time

import grpc
import pytest
from tests.davy_aggregator.conftest import until
from tests.davy_analyser.conftest import CAMERAS, Analyser, Site

from davy.adapters.media import jpeg
from davy.imaging.runtime import StillEnhancer
from davy.v1 import analysis_pb2, analysis_pb2_grpc
from davy_simulator.world import Mine

pytestmark = [pytest.mark.system]


@pytest.fixture(scope="module")
def walker() -> bytes:
    """An enhanced picture of a gallery with people."""
    return jpeg.encode(StillEnhancer().enhance(Mine(901, 0).render("gallery", 32, (640, 360))))


async def test_a_killed_analyser_is_replaced_within_two_seconds_and_no_person_is_reported_twice(site, walker):
    first, second = await asyncio.gather(site.start("one"), site.start("two"))
    showing = asyncio.create_task(_show(site, walker))
    try:
        await until(lambda: assigned(first) == assigned(second) == 1, 40)
        await until(lambda: _persons(site, 2), 10)
        first.process.kill()
        killed_s, before = time.monotonic(), site.looks()
        await until(lambda: assigned(second) == 2, 2.0)
        looked = site.looks()
        await until(lambda: site.looks() >= looked + 2, 2.0 - (time.monotonic() - killed_s))
        assert site.workers() == 1
        await until(lambda: site.looks() >= before + 12, 10)
        found = (await site.aggregator.get("/v1/events?kind=person")).json()["events"]
        assert sorted(event["camera"] for event in found) == ["north.belt", "north.face"]
        assert [(await site.aggregator.get(event["keyframe"])).content for event in found] == [walker, walker]
        assert not (await site.aggregator.get("/v1/events?kind=person-over")).json()["events"]
    finally:
        showing.cancel()


async def test_an_analyser_that_says_nothing_loses_its_cameras(site):
    stub = analysis_pb2_grpc.AnalysisServiceStub(site.aggregator.channel)
    silent = stub.AnalyseCameras()
    await silent.write(_hello("silent"))
    assert {each.camera for each in (await silent.read()).cameras} == {"north.face", "north.belt"}
    started_s = time.monotonic()
    with pytest.raises(grpc.aio.AioRpcError, match="analyser silent did not finish"):
        async with asyncio.timeout(5):
            await silent.read()
    assert time.monotonic() - started_s < 2.0
    assert site.workers() == 0


async def test_findings_of_a_camera_that_went_to_another_analyser_are_ignored(site):
    stub = analysis_pb2_grpc.AnalysisServiceStub(site.aggregator.channel)
    one, two = stub.AnalyseCameras(), stub.AnalyseCameras()
    for call, name in ((one, "one"), (two, "two")):
        await call.write(_hello(name))
        await call.read()
    (left,) = (await one.read()).cameras  # its share, once the second had come
    (other,) = {"north.face", "north.belt"} - {left.camera}
    for camera in (other, left.camera):
        await one.write(analysis_pb2.AnalyseCamerasRequest(findings=_findings(camera)))
    await until(lambda: site.looks() == 1)
    assert site.aggregator.registry.get_sample_value("davy_analysis_errors_total", {"analyser": f"of-{left.camera[6:]}"}) == 1
    assert site.aggregator.registry.get_sample_value("davy_analysis_errors_total", {"analyser": f"of-{other[6:]}"}) is None


async def test_an_aggregator_that_analyses_by_itself_refuses_analysers_with_a_reason(aggregator):
    call = analysis_pb2_grpc.AnalysisServiceStub(aggregator.channel).AnalyseCameras()
    await call.write(_hello("one"))
    assert "DAVY_ANALYSIS_RUN_IN=workers" in await call.details()


@pytest.mark.parametrize(
    "hello",
    [
        {"site": "other", "name": "one", "capacity": 1},
        {"site": "mine", "name": "No Id", "capacity": 1},
        {"site": "mine", "name": "one", "capacity": 0},
    ],
)
async def test_a_wrong_hello_is_refused(site, hello):
    call = analysis_pb2_grpc.AnalysisServiceStub(site.aggregator.channel).AnalyseCameras()
    await call.write(analysis_pb2.AnalyseCamerasRequest(hello=analysis_pb2.AnalyserHello(**hello)))
    assert (await call.code()).name in ("INVALID_ARGUMENT", "NOT_FOUND", "PERMISSION_DENIED")


def _hello(name: str) -> analysis_pb2.AnalyseCamerasRequest:
    return analysis_pb2.AnalyseCamerasRequest(hello=analysis_pb2.AnalyserHello(site="mine", name=name, capacity=1))


def _findings(camera: str) -> analysis_pb2.CameraFindings:
    result = analysis_pb2.AnalyserResult(analyser=f"of-{camera[6:]}", error="no picture")
    return analysis_pb2.CameraFindings(camera=camera, boot_id="b1", seq=1, results=[result])


async def _show(site: Site, picture: bytes) -> None:
    while True:
        await site.show(picture, *CAMERAS)
        await asyncio.sleep(0.1)


async def _persons(site: Site, count: int) -> bool:
    return len((await site.aggregator.get("/v1/events?kind=person")).json()["events"]) >= count


def assigned(analyser: Analyser) -> int:
    lines = [line["cameras"] for line in analyser.lines if line.get("event") == "analyser.assigned"]
    return lines[-1] if lines else 0
