import asyncio
import contextlib

import numpy as np
import pytest
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, picture, push, running, until, with_rules

from davy.adapters.media import jpeg
from davy.analysis.settings import AnalysisSettings
from davy.imaging.runtime import StillEnhancer
from davy_simulator.world import Mine

pytestmark = pytest.mark.system

COVERED = jpeg.encode(np.full((180, 320, 3), 12, np.uint8))


def settings(path, **changes):
    return make_settings(path, analysis=AnalysisSettings(**{"fps": 20, "person_fps": 0, "cooldown_s": 0} | changes))


async def pour(aggregator, pictures):
    for jpeg_bytes in pictures:
        pour.seq += 1
        await push(aggregator, envelope(pour.seq, jpeg=jpeg_bytes))
        await asyncio.sleep(0.06)


pour.seq = 0


async def kinds(aggregator):
    return [event["kind"] for event in (await aggregator.get("/v1/events")).json()["events"]]


async def test_a_lens_that_is_covered_and_freed_is_two_events_with_a_picture(tmp_path):
    site = with_rules(make_site(), {"lens-blocked": {"on_delay_s": 0.1, "off_delay_s": 0.1}})
    async with running(settings(tmp_path), site) as aggregator:
        await pour(aggregator, [COVERED] * 8)
        await until(lambda: _has(aggregator, "lens-blocked"))
        await pour(aggregator, [picture()] * 12)
        await until(lambda: _has(aggregator, "lens-blocked-over"))
        events = (await aggregator.get("/v1/events?kind=lens-blocked")).json()["events"]
        assert [(event["camera"], event["severity"], event["edge"]) for event in events] == [
            ("north.face", "alarm", "aggregator")
        ]
        assert (await aggregator.get(events[0]["keyframe"])).content == COVERED
        assert 'davy_analysis_figure{analyser="lens",camera="face",edge="north",figure="contrast"}' in (
            (await aggregator.get("/metrics/cameras?camera=north/*")).text
        )


async def test_an_unreadable_picture_is_counted_and_the_next_is_analysed(tmp_path):
    async with running(settings(tmp_path), with_rules(make_site(), {"lens-blocked": {"on_delay_s": 0}})) as aggregator:
        await pour(aggregator, [COVERED[:200], *[COVERED] * 8])
        await until(lambda: _has(aggregator, "lens-blocked"))
        assert aggregator.registry.get_sample_value("davy_analysis_errors_total", {"analyser": "decode"}) == 1


async def test_analysis_keeps_to_its_rate(tmp_path):
    async with running(settings(tmp_path, fps=2), make_site()) as aggregator:
        pouring = asyncio.create_task(pour(aggregator, [picture()] * 100))
        await asyncio.sleep(2)
        analysed = aggregator.registry.get_sample_value("davy_analysis_duration_seconds_count", {"analyser": "motion"})
        pouring.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pouring
        assert 2 <= analysed <= 6


async def _has(aggregator, kind):
    return kind in await kinds(aggregator)


EVERYWHERE = {"name": "everywhere", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1]]}
KEEP_OUT = {"kind": "person-in-zone", "name": "keep-out", "zone": "everywhere", "for_s": 0}


def walkers():
    """Enhanced pictures of a gallery in which people walk."""
    mine, enhancer = Mine(901, 0), StillEnhancer()
    return [jpeg.encode(enhancer.enhance(mine.render("gallery", 30 + 0.5 * k, (640, 360)))) for k in range(8)]


async def test_a_rule_set_while_it_runs_is_an_event_whose_picture_marks_the_person(tmp_path):
    async with running(settings(tmp_path, person_fps=20), make_site()) as aggregator:
        config = (await aggregator.get("/v1/edges/north/config")).json()["desired"]["config"]
        config["cameras"]["face"] |= {"zones": [EVERYWHERE], "rules": [KEEP_OUT]}
        answer = await aggregator.client.put("/v1/edges/north/config", json={"config": config, "why": "a rule"})
        assert answer.status_code == 200, answer.text
        pictures = walkers()
        await pour(aggregator, pictures)
        await until(lambda: _has(aggregator, "person-in-zone"))
        (event,) = (await aggregator.get("/v1/events?kind=person-in-zone")).json()["events"]
        assert (event["camera"], event["severity"]) == ("north.face", "alarm")
        assert {mark["label"] for mark in event["marks"]} == {"person"}
        assert (await aggregator.get(event["keyframe"])).content in pictures


async def test_a_rule_that_names_no_zone_is_refused_over_rest(tmp_path):
    async with running(settings(tmp_path), make_site()) as aggregator:
        config = (await aggregator.get("/v1/edges/north/config")).json()["desired"]["config"]
        config["cameras"]["face"]["rules"] = [KEEP_OUT]
        answer = await aggregator.client.put("/v1/edges/north/config", json={"config": config, "why": "a rule"})
        assert answer.status_code == 422 and "everywhere" in answer.text


async def test_several_threads_look_at_several_cameras_and_at_each_in_its_order(tmp_path):
    async with running(
        settings(tmp_path, threads=3), with_rules(make_site(), {"lens-blocked": {"on_delay_s": 0.1}})
    ) as aggregator:
        for seq in range(1, 25):
            shots = [envelope(seq, camera, jpeg=COVERED) for camera in ("north/face", "north/belt")]
            await push(aggregator, *shots)
            await asyncio.sleep(0.05)
        await until(lambda: _covered(aggregator, {"north.face", "north.belt"}))


async def _covered(aggregator, cameras) -> bool:
    events = (await aggregator.get("/v1/events?kind=lens-blocked")).json()["events"]
    return {event["camera"] for event in events} == cameras
