"""The page of recordings, in a real browser."""

import time
import zipfile
from functools import partial

import pytest
from playwright.async_api import expect
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.recording.test_recordings import fill_ring
from tests.fixtures.chromium import chromium, needs_chromium, shoot, violations

from davy.domain.camera import CameraAddress
from davy.v1 import ingest_pb2

pytestmark = [needs_chromium, pytest.mark.system]

S = 1_000_000_000
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}
SHOWN = "document.querySelector('.player[data-camera=\"north.face\"] video')"


def site():
    cameras = {name: {"source": "mine://face", "label": label} for name, label in (("face", "Coal face"), ("belt", "Belt 4"))}
    return make_site(north={"cameras": cameras})


async def report(aggregator, at_ns: int, severity: int, seq: int, message: str) -> None:
    stream = aggregator.ingest.ReportEvents()
    event = {"site": "mine", "edge": "north", "boot_id": "b", "seq": seq, "camera": "face", "kind": "gas"}
    happened = ingest_pb2.Event(**event, severity=severity, occurred_ns=at_ns, message=message)
    await stream.write(ingest_pb2.ReportEventsRequest(event=happened))
    await stream.read()
    stream.cancel()


async def test_recordings_play_together_are_sought_stepped_and_exported(tmp_path):
    start_ns = time.time_ns() // (10 * S) * 10 * S - 60 * S
    for name, count in (("face", 500), ("belt", 300)):
        address = CameraAddress("mine", "north", name)
        fill_ring(tmp_path / "recordings", count, start_ns=start_ns, camera=address, size=(320, 180))
    async with (
        running(make_settings(tmp_path), site()) as aggregator,
        chromium(viewport=LAPTOP, accept_downloads=True) as browser,
    ):
        await report(aggregator, start_ns + 20 * S, 3, 1, "methane over 1 %")
        await report(aggregator, start_ns + 24 * S, 2, 2, "the lens is dirty")
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/timeline?length=600")
        await expect(page.locator(".row[data-camera]")).to_have_count(2)
        await page.get_by_role("checkbox", name="Belt 4").check()
        await page.get_by_role("button", name="methane over 1 %").click()
        await until(partial(page.evaluate, f"{SHOWN}.readyState >= 2 && !{SHOWN}.seeking"))
        shown = await page.get_attribute("#clock", "datetime")
        await page.click("#forward")
        await until(partial(page.evaluate, f"!{SHOWN}.seeking && document.querySelector('#clock').dateTime !== '{shown}'"))
        await shoot(page, "timeline-1366")
        before = await page.evaluate(f"{SHOWN}.currentTime")
        await page.click("#play")
        await until(partial(page.evaluate, f"{SHOWN}.currentTime > {before} + 1"))
        times = await page.evaluate("[...document.querySelectorAll('video')].map((video) => video.currentTime)")
        assert abs(times[0] - times[1]) < 0.5
        await page.click("#play")
        assert await violations(page) == []
        await page.locator("#scrub").fill("9300")
        await page.locator("#scrub").dispatch_event("input")
        await until(partial(page.evaluate, "[...document.querySelectorAll('.player img')].some((image) => image.naturalWidth)"))
        await page.click("#export")
        await shoot(page, "timeline-export-1366")
        assert await violations(page) == []
        await page.fill("#reason", "gas alarm")
        await page.get_by_role("button", name="Keep as a clip").click()
        await expect(page.locator("#keep")).not_to_be_visible()
        await page.click("#export")
        await page.fill("#reason", "gas alarm")
        async with page.expect_download() as waiting:
            await page.get_by_role("button", name="Export", exact=True).click()
        download = await waiting.value
        with zipfile.ZipFile(await download.path()) as archive:
            assert "north.face-enhanced.mp4" in archive.namelist()
        clips = (await aggregator.get("/v1/clips")).json()["clips"]
        await page.set_viewport_size(PHONE)
        await page.get_by_role("button", name="methane over 1 %").click()
        await until(partial(page.evaluate, f"{SHOWN}.readyState >= 2 && !{SHOWN}.seeking"))
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        await shoot(page, "timeline-390")
    assert {clip["camera"] for clip in clips} == {"north.face", "north.belt"}
    assert browser.errors == []
