"""A14: texts of edges, cameras, people and models are shown by the pages as text, in a real browser."""

import re
import shutil
import time

import pytest
from tests.davy_aggregator.conftest import envelope
from tests.davy_trainer.service.conftest import PROMPTS
from tests.security.closed import closed_mine, closed_service

from davy.access.roles import Role
from davy.v1 import ingest_pb2
from davy_cli.directory import open_directory
from davy_trainer.service.lease import Lease

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "a long enough one"
EVIL = '<img src=x onerror="window.fired=1"><script>window.fired=1</script>\'"><svg onload=window.fired=1>'
PAGES = ("/", "/edges", "/add-camera", "/places", "/samples", "/models", "/users", "/journal")
INJECTED = "document.querySelectorAll('img[src=x], svg[onload], script:not([src])').length"

pytestmark = [pytest.mark.system, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")]


async def test_a14_no_text_becomes_an_element_of_a_page(tmp_path):
    from playwright.async_api import async_playwright, expect

    async with closed_mine(tmp_path) as mine, async_playwright() as playwright:
        with open_directory(tmp_path, "") as directory:
            directory.put_user("ada", Role.ADMIN, PASSWORD)
        config = {"cameras": {"face": {"source": "http://10.0.0.7/?a=" + "<b>", "label": EVIL}}}
        change = {"config": config, "who": EVIL[:200], "why": EVIL[:200]}
        put = await mine.aggregator.client.put("/v1/edges/north/config", json=change, headers=mine.headers("engineer"))
        assert put.status_code == 200, put.text
        fields = {"site": "mine", "edge": "north", "boot_id": "b1", "seq": 1, "camera": "face", "occurred_ns": time.time_ns()}
        event = ingest_pb2.Event(**fields, severity=3, kind="fire", message=EVIL)
        reports = mine.aggregator.ingest.ReportEvents(
            iter([ingest_pb2.ReportEventsRequest(event=event)]), metadata=mine.metadata("north")
        )
        assert [answer.seq async for answer in reports] == [1]
        frame = ingest_pb2.PushFramesRequest(frame=envelope(1, "north/face", model="<img src=x onerror=window.fired=1>"))
        pushed = mine.aggregator.ingest.PushFrames(iter([frame]), metadata=mine.metadata("north"))
        assert [answer.seq async for answer in pushed][-1] == 1

        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1280, "height": 760})
        dialogs: list[str] = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await page.goto(f"{mine.aggregator.http}/login?next=javascript:window.fired=1")
        await page.fill("#name", "ada")
        await page.fill("#password", PASSWORD)
        await page.click("#submit")
        await page.wait_for_url(f"{mine.aggregator.http}/")
        shown = 0
        for path in PAGES:
            await page.goto(mine.aggregator.http + path)
            await page.wait_for_selector("text=Sign out")
            await page.wait_for_load_state("load")
            await expect(page.locator("body")).to_contain_text(re.compile(r".{20}", re.DOTALL), use_inner_text=True)
            if path in ("/", "/edges"):
                await expect(page.locator("body")).to_contain_text("onerror=", use_inner_text=True, timeout=10_000)
                shown += 1
            assert await page.evaluate(INJECTED) == 0, path
            assert await page.evaluate("window.fired") is None, path
        assert shown == 2
        assert dialogs == []
        await browser.close()
        await mine.unharmed()


async def test_a14_the_reason_of_a_training_run_becomes_no_element_of_its_page(tmp_path):
    from playwright.async_api import async_playwright, expect

    (tmp_path / "trainer").mkdir()
    with Lease(tmp_path / "trainer" / "service.lock") as lease:
        assert lease.acquire()  # another service is active: the run waits
        async with closed_mine(tmp_path) as mine, closed_service("trainer", mine, tmp_path) as trainer:
            run = {"kind": "prompts", "overrides": PROMPTS, "reason": EVIL[:200]}
            begun = await trainer.post("/v1/training-runs", json=run, headers=mine.headers("engineer"))
            assert begun.status_code == 201, begun.text
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
                page = await browser.new_page(extra_http_headers=mine.headers("engineer"))
                await page.goto(str(trainer.base_url))
                await expect(page.locator("body")).to_contain_text("onerror=", use_inner_text=True, timeout=10_000)
                assert await page.evaluate(INJECTED) == 0
                assert await page.evaluate("window.fired") is None
                await browser.close()
            await mine.unharmed()
