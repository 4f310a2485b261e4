"""The page of the journal, in a real browser."""

import os
import shutil

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until

from davy.access.roles import Role
from davy_cli.directory import open_directory

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "a long enough one"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_an_administrator_reads_who_changed_what(tmp_path):
    from playwright.async_api import async_playwright

    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator, async_playwright() as playwright:
        with open_directory(tmp_path, "") as directory:
            directory.put_user("ada", Role.ADMIN, PASSWORD)
        await change_things(aggregator)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1280, "height": 760})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{aggregator.http}/journal")
        await page.fill("#name", "ada")
        await page.fill("#password", PASSWORD)
        await page.click("#submit")
        await page.wait_for_selector("#entries tr >> nth=6")
        assert await page.inner_text("h1 + .site") == "audit journal"
        changed = page.locator("tr", has_text="PUT /v1/edges/{edge}/config")
        assert await changed.locator("del").first.inner_text() != ""
        assert "0.4" in await changed.inner_text()
        assert await page.locator("tr.refused").count() >= 2
        if folder := os.environ.get("DAVY_PICTURES"):
            await page.screenshot(path=f"{folder}/journal.png")
            await page.set_viewport_size({"width": 400, "height": 860})
            await page.screenshot(path=f"{folder}/journal-narrow.png")
        wide = await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert wide, "the page scrolls sideways"
        await page.fill("#operation", "/config")
        await page.click("text=Show")
        await until(lambda: shows(page, 1))
        await page.click("text=Clear")
        await page.wait_for_selector("#entries tr >> nth=6")
        await page.fill("#who", "nobody")
        await page.click("text=Show")
        await page.wait_for_selector("text=No entries.")
        await browser.close()
    assert errors == []


async def change_things(aggregator) -> None:
    client = aggregator.client
    await client.get("/v1/site")
    await client.post("/v1/session", json={"name": "ada", "password": "a wrong password"})
    await client.post("/v1/session", json={"name": "ada", "password": PASSWORD})
    config = (await client.get("/v1/edges/north/config")).json()["desired"]["config"]
    config["cameras"]["face"] |= {"strength": 0.4, "source": "rtsp://admin:secret@10.0.0.9/stream"}
    await client.put("/v1/edges/north/config", json={"config": config, "why": "the face is too bright"})
    await client.put("/v1/users/vera", json={"role": "viewer", "password": PASSWORD})
    await client.post("/v1/tokens", json={"name": "grafana", "role": "monitor"})
    await client.delete("/v1/models/0123456789ab")


async def shows(page, count: int) -> bool:
    return await page.locator("#entries tr").count() == count
