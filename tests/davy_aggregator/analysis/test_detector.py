"""Rollouts of detectors to the analysis of a whole aggregator, over a real broker."""

import asyncio
import contextlib

import numpy as np
import pytest
from tests.davy_aggregator.analysis.test_runner import pour
from tests.davy_aggregator.conftest import make_settings, make_site, picture, running, until
from tests.davy_aggregator.rollout.test_service import begin, ended
from tests.fixtures.detectors import FOUND, SPEC, detector_package, yolo
from tests.fixtures.packages import trust

from davy.deployment.detector_manager import ActiveDetector
from davy.imaging.detect import OnnxDetector, parse_spec
from davy.models.gates import Gates
from davy_aggregator.settings import AnalysisSettings

SCENE = np.full((64, 128, 3), 90, np.uint8)
BLIND = ((30, 30, 20, 20, 0.1, 0.1),)


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Comparisons of every look: the test waits for them."""
    monkeypatch.setattr("davy.deployment.shadow.SHADOW_PER_S", 30.0)
    monkeypatch.setattr("davy.deployment.shadow.PROBATION_PER_S", 30.0)


def settings_of(folder):
    trust().save(folder / "keys" / "trust.json")
    (folder / "installed.onnx").write_bytes(yolo())
    (folder / "installed.yaml").write_bytes(SPEC)
    looks = AnalysisSettings(fps=20, person_fps=20, cooldown_s=0, detector=folder / "installed.onnx")
    return make_settings(folder, analysis=looks)


async def analysis(aggregator):
    (found,) = [each for each in (await aggregator.get("/v1/fleet")).json()["edges"] if each["kind"] == "analysis"]
    return found["reported"]


@contextlib.asynccontextmanager
async def analysing(settings, site):
    """An aggregator that looks at pictures all the time."""
    async with running(settings, site) as aggregator:
        pouring = asyncio.create_task(pour(aggregator, [picture()] * 2000))
        await until(lambda: analysis(aggregator), 10)
        yield aggregator
        pouring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pouring


GOOD, BAD = detector_package("good", (*FOUND, (50, 50, 8, 8, 0.0, 0.6))), detector_package("blind", BLIND)


@pytest.mark.slow
async def test_a_detector_reaches_the_analysis_without_a_restart_and_a_worse_one_does_not(mosquitto, tmp_path):
    async with analysing(settings_of(tmp_path), make_site(mosquitto.endpoint)) as aggregator:
        done = await ended(aggregator, await begin(aggregator, GOOD, shadow_frames=2, probation_s=0))
        assert (done["kind"], done["state"], done["edges"][0]["kind"]) == ("detector", "done", "analysis")
        model = (await aggregator.get("/v1/models?kind=detector")).json()["models"][0]
        assert (model["id"], model["runs_on"]) == (GOOD.id, ["aggregator"])
        assert (await aggregator.get("/v1/models?kind=enhancer")).json()["models"] == []
        refused = await ended(aggregator, await begin(aggregator, BAD, shadow_frames=8))
        assert (refused["state"], "gate:misses" in refused["reason"]) == ("rolled-back", True)


@pytest.mark.slow
async def test_a_detector_that_fails_its_probation_is_reverted_and_a_restart_keeps_the_last_good_one(mosquitto, tmp_path):
    site, settings = make_site(mosquitto.endpoint), settings_of(tmp_path)
    async with analysing(settings, site) as aggregator:
        done = await ended(aggregator, await begin(aggregator, GOOD, shadow_frames=8))
        assert done["edges"][0]["figures"]["found-share"] == 1
        reverted = await ended(aggregator, await begin(aggregator, BAD, shadow_frames=0, probation_s=5))
        assert (reverted["state"], "probation:misses" in reverted["reason"]) == ("rolled-back", True)
        await until(lambda: _runs(aggregator, GOOD.id), 10)
        alarms = (await aggregator.get("/v1/alarms")).json()["alarms"]
        assert "detector-rolled-back" in [alarm["kind"] for alarm in alarms]
    async with running(settings, site) as aggregator:
        await until(lambda: _runs(aggregator, GOOD.id), 10)


async def _runs(aggregator, model):
    found = await analysis(aggregator)
    return found["model"] == model and found["state"] == "active"


async def test_a_swap_changes_the_next_look_and_a_comparison_meets_every_look():
    old, new = (OnnxDetector(yolo(found), parse_spec(SPEC, "spec")) for found in (FOUND, BLIND))
    active = ActiveDetector(old)
    active.comparison = active.compare(old, new, 1000)
    try:
        for _ in range(12):
            assert len(active.detect(SCENE)) == 2
            await asyncio.sleep(0.005)
        await until(lambda: active.comparison.assess(Gates())[0]["frames"] >= 2)
    finally:
        active.comparison.close()
    assert active.comparison.assess(Gates())[0]["found-share"] == 0
    active.comparison = None
    active.swap(new)
    assert len(active.detect(SCENE)) == 0
