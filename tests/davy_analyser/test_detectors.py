"""Rollouts of detectors to analysers in processes of their own: a real broker, a registry, signed packages."""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc
import httpx
import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import Running, make_settings, picture, running, until
from tests.davy_aggregator.rollout.test_service import begin, ended
from tests.davy_analyser.conftest import CAMERAS, Site
from tests.davy_analyser.test_workers import assigned
from tests.fixtures.detectors import FOUND, SPEC, detector_package, yolo
from tests.fixtures.packages import signing_key, trust

from davy.analysis.settings import AnalysisSettings
from davy.models import KeySet
from davy.site import load_site
from davy.v1 import analysis_pb2, analysis_pb2_grpc

pytestmark = [pytest.mark.system]

GOOD, NEXT = detector_package("good", (*FOUND, (50, 50, 8, 8, 0.0, 0.6))), detector_package("next", FOUND)
BLIND = detector_package("blind", ((30, 30, 20, 20, 0.1, 0.1),))
QUICK = {"shadow_frames": 2, "probation_s": 1}


class Fleet(Site):
    """A site whose aggregator can be restarted, with a registry, and analysers that trust its key."""

    async def begin_analysing(self, name: str, *, keys: KeySet | None = None, **environ: str):
        data = self.file.parent / name
        (keys or trust()).save(data / "trust.json")
        return await self.start(name, DAVY_ANALYSIS_DETECTOR=str(self.file.parent / "installed.onnx"), **environ)

    async def analysis(self) -> dict:
        """The report of the analysis, as the list of all edges shows it."""
        edges = (await self.aggregator.get("/v1/fleet")).json()["edges"]
        return next((each for each in edges if each["kind"] == "analysis"), {})

    async def figures(self) -> tuple[float, float]:
        found = (await self.analysis())["reported"]["figures"]
        return found.get("analysers", 0), found.get("analysers-ready", 0)

    async def settled(self, model: str, count: int, timeout_s: float = 30) -> None:
        """Wait until so many analysers run a model."""

        async def check() -> bool:
            reported = (await self.analysis())["reported"]
            return reported["model"] == model and reported["state"] == "active" and await self.figures() == (count, count)

        await until(check, timeout_s)

    async def attached(self, count: int) -> None:
        async def check() -> bool:
            return (await self.figures())[0] == count

        await until(check, 40)


@pytest.fixture
def folder(mosquitto, tmp_path: Path) -> Path:
    """A data folder with keys, and beside it a detector and a site file."""
    trust().save(tmp_path / "keys" / "trust.json")
    (tmp_path / "installed.onnx").write_bytes(yolo())
    (tmp_path / "installed.yaml").write_bytes(SPEC)
    cameras = "face: {source: simulator://face}, belt: {source: simulator://belt}"
    text = f"site: mine\nbroker: {mosquitto.endpoint}\nedges:\n  north: {{cameras: {{{cameras}}}}}\n"
    (tmp_path / "site.yaml").write_text(text)
    return tmp_path


@pytest.fixture
async def site(folder: Path) -> AsyncIterator[Fleet]:
    """An aggregator in this process; the test reads its metrics."""
    settings = make_settings(folder, analysis=AnalysisSettings(run_in="workers", cooldown_s=0))
    async with (
        running(settings, load_site(folder / "site.yaml")) as aggregator,
        _shown(Fleet(aggregator, folder / "site.yaml")) as found,
    ):
        yield found


@pytest.fixture
async def restarted(folder: Path) -> AsyncIterator[Callable]:
    """Starts an aggregator as a process, and the next one with its data at its address after the first was killed."""
    port, grpc_port = pick_port(), pick_port()
    own = {"PORT": str(port), "GRPC_PORT": str(grpc_port), "ACCESS": "open", "DATA": str(folder)}
    environment = os.environ | {f"DAVY_AGGREGATOR_{name}": value for name, value in own.items()}
    environment["DAVY_ANALYSIS_RUN_IN"] = "workers"
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "davy", "aggregator", "--config", str(folder / "site.yaml")]
    analysers = []

    @contextlib.asynccontextmanager
    async def start() -> AsyncIterator[Fleet]:
        process = await asyncio.create_subprocess_exec(*words, env=environment, stderr=asyncio.subprocess.DEVNULL)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel, httpx.AsyncClient(base_url=url) as client:
            await until(lambda: _answers(client), 30)
            found = Fleet(Running(url, channel, client, None, grpc_port), folder / "site.yaml", analysers=analysers)
            try:
                async with _shown(found, ends=False):
                    yield found
            finally:
                process.kill()
                await process.wait()

    yield start
    for each in analysers:
        each.kill()
        await each.process.wait()
        await each.task


async def _answers(client: httpx.AsyncClient) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return (await client.get("/readyz")).status_code == 200
    return False


@contextlib.asynccontextmanager
async def _shown(site: Fleet, *, ends: bool = True) -> AsyncIterator[Fleet]:
    """Push pictures of all cameras."""
    showing = asyncio.create_task(_show(site))
    try:
        yield site
    finally:
        showing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await showing
        if ends:
            await site.end()


async def _show(site: Site) -> None:
    while True:
        await site.show(picture(), *CAMERAS)
        await asyncio.sleep(0.1)


async def test_analysers_follow_a_rollout_one_after_the_other_and_lose_no_look(site):
    gaps: list[float] = []
    one, two = await asyncio.gather(site.begin_analysing("one"), site.begin_analysing("two"))
    await site.attached(2)
    await until(lambda: assigned(one) == assigned(two) == 1, 20)
    measuring = asyncio.create_task(_measure_gaps(site, gaps))
    done = await ended(site.aggregator, await begin(site.aggregator, GOOD, **QUICK), 60)
    measuring.cancel()
    assert (done["kind"], done["state"]) == ("detector", "done"), done["reason"]
    (edge,) = done["edges"]
    assert (edge["kind"], edge["figures"]["analysers"], edge["figures"]["analysers-ready"]) == ("analysis", 2, 2)
    await site.settled(GOOD.id, 2)
    shadows = [pointer(site, name)["desired"]["trial"]["shadow_frames"] for name in ("one", "two")]
    assert sorted(shadows) == [0, 2], "one compares both detectors first"
    assert site.sample("davy_analysis_detectors", model=GOOD.id[:12], state="active") == 2
    assert site.sample("davy_analysis_errors_total", analyser="people") == 0
    assert max(gaps) < 1, "pictures come ten times a second, and five are looked at"


async def test_what_an_analyser_does_not_trust_it_refuses_and_everybody_hears_of_it(site):
    await site.begin_analysing("stranger", keys=KeySet())
    await site.attached(1)
    done = await ended(site.aggregator, await begin(site.aggregator, GOOD, **QUICK), 60)
    assert done["state"] == "rolled-back"
    assert "analyser stranger: " in done["reason"]
    (edge,) = done["edges"]
    assert (edge["state"], edge["cause"]) == ("failed", "foreign-key")
    await site.settled("", 1)
    events = (await site.aggregator.get("/v1/events?kind=detector-failed")).json()["events"]
    assert any("analyser stranger: " in event["message"] for event in events)


@pytest.mark.slow
async def test_a_worse_detector_is_refused_in_shadow_and_returned_from_probation(site):
    await asyncio.gather(site.begin_analysing("one"), site.begin_analysing("two"))
    await site.attached(2)
    refused = await ended(site.aggregator, await begin(site.aggregator, BLIND, shadow_frames=30), 60)
    assert "gate:misses" in refused["reason"]
    reverted = await ended(site.aggregator, await begin(site.aggregator, BLIND, shadow_frames=0, probation_s=20), 60)
    assert (reverted["state"], "probation:misses" in reverted["reason"]) == ("rolled-back", True)
    await site.settled("", 2)
    assert "detector-rolled-back" in [each["kind"] for each in (await site.aggregator.get("/v1/alarms")).json()["alarms"]]


@pytest.mark.slow
async def test_an_analyser_killed_in_the_middle_and_restarts_of_all_converge(restarted):
    async with restarted() as site:
        victim = await site.begin_analysing("victim")
        await site.attached(1)
        rollout = await begin(site.aggregator, GOOD, shadow_frames=20, probation_s=1)
        await until(lambda: pointer(site, "victim").get("state") == "shadow", 30)
        victim.kill()
        await site.attached(0)
        await site.begin_analysing("another")  # with nothing on its disk
        assert (await ended(site.aggregator, rollout, 60))["state"] == "done"
        await site.begin_analysing("victim")
        await site.settled(GOOD.id, 2)
        last = (await site.analysis())["reported"]["epoch"]
    async with restarted() as site:  # the aggregator anew: analysers come back by themselves
        await site.settled(GOOD.id, 2)
        await site.begin_analysing("late")
        await site.settled(GOOD.id, 3)
        assert (await site.analysis())["reported"]["epoch"] == last
        done = await ended(site.aggregator, await begin(site.aggregator, NEXT, **QUICK), 60)
        assert done["state"] == "done"
        await site.settled(NEXT.id, 3)


@pytest.mark.slow
async def test_a_revoked_key_takes_its_detector_from_every_analyser(site):
    await asyncio.gather(site.begin_analysing("one"), site.begin_analysing("two"))
    await site.attached(2)
    assert (await ended(site.aggregator, await begin(site.aggregator, GOOD, **QUICK), 60))["state"] == "done"
    await site.settled(GOOD.id, 2)
    revoked = signing_key().trusted(30).model_copy(update={"revoked": datetime.now(UTC), "reason": "stolen"})
    for name in ("one", "two"):
        KeySet().with_key(revoked).save(site.file.parent / name / "trust.json")

    async def reverted() -> bool:
        reported = (await site.analysis())["reported"]
        return (reported["state"], reported["model"], reported["cause"]) == ("rolled-back", "", "key-revoked")

    await until(reverted, 20)
    assert "stolen" in (await site.analysis())["reported"]["reason"]


async def test_an_older_analyser_keeps_working_and_is_not_waited_for(site):
    old = analysis_pb2_grpc.AnalysisServiceStub(site.aggregator.channel).AnalyseCameras()
    await old.write(analysis_pb2.AnalyseCamerasRequest(hello=analysis_pb2.AnalyserHello(site="mine", name="old", capacity=1)))
    assert (await _assigned(old, 2)).desired == ""
    beating = asyncio.create_task(_beat(old))
    await site.aggregator.client.post("/v1/models", content=GOOD.data)
    refused = await site.aggregator.client.post("/v1/rollouts", json={"model": GOOD.id})
    assert (refused.status_code, "no attached analyser follows rollouts" in refused.json()["detail"]) == (409, True)
    await site.begin_analysing("new")
    await site.attached(1)
    assert (await ended(site.aggregator, await begin(site.aggregator, GOOD, **QUICK), 60))["state"] == "done"
    assert site.sample("davy_analysis_detectors", model="unknown", state="") == 1
    assert site.workers() == 2
    assert (await _assigned(old, 1)).desired == "", "it hears of cameras alone"
    beating.cancel()


async def test_an_analyser_that_can_write_nothing_looks_with_its_installed_detector(site, tmp_path):
    (tmp_path / "file").write_text("no folder")
    alone = await site.begin_analysing("alone", DAVY_ANALYSER_DATA=str(tmp_path / "file" / "data"))
    await until(lambda: assigned(alone) == 2, 30)
    await until(lambda: site.looks() > 2, 10)
    (said,) = [line for line in alone.lines if line.get("event") == "detector.not_followed"]
    assert "set DAVY_ANALYSER_DATA" in said["reason"]


def pointer(site: Site, name: str) -> dict:
    """What an analyser has on its disk."""
    path = site.file.parent / name / "1" / "active.json"
    return json.loads(path.read_text()) if path.exists() else {}


async def _assigned(call, cameras: int) -> analysis_pb2.AnalyseCamerasResponse:
    """The first message that assigns so many cameras."""
    async with asyncio.timeout(30):
        while len((message := await call.read()).cameras) != cameras:
            assert message.desired == ""
    return message


async def _beat(call) -> None:
    while True:
        await asyncio.sleep(0.3)
        await call.write(analysis_pb2.AnalyseCamerasRequest())


async def _measure_gaps(site: Site, gaps: list[float]) -> None:
    """Measure the times between two looks, in s."""
    looks, since_s = site.looks(), time.monotonic()
    while True:
        await asyncio.sleep(0.01)
        if site.looks() != looks:
            gaps.append(time.monotonic() - since_s)
            looks, since_s = site.looks(), time.monotonic()
