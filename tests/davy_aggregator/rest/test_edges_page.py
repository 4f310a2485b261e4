"""The page of edges and their configuration, in a real browser."""

import os
import shutil
from pathlib import Path

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.config_edge import ConfigEdge, talking

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = os.environ.get("DAVY_TEST_SHOTS")  # a folder for pictures of the page, to look at
CAMERA = {"source": "mine://gallery", "fps": 10, "width": 1280, "height": 720}
NORTH = {
    "cameras": {
        "gallery": {**CAMERA, "label": "Main gallery"},
        "face": {**CAMERA, "label": "Coal face", "source": "rtsp://admin:s3cret@10.1.0.7/stream"},
    }
}


async def shoot(page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png")


def fields(edge: ConfigEdge, camera: str) -> dict:
    return edge.reported.config["cameras"].get(camera, {})


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_an_operator_configures_an_edge_by_hand_and_sees_it_applied_or_refused(mosquitto, tmp_path):
    from playwright.async_api import async_playwright

    site = make_site(mosquitto.endpoint, north=NORTH, south={"cameras": {"belt": CAMERA}})
    edge = ConfigEdge(site.edges["north"])
    async with running(make_settings(tmp_path), site) as aggregator, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1440, "height": 760})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        async with talking(mosquitto.endpoint, "mine", edge):
            await page.goto(f"{aggregator.http}/edges")
            north = page.locator("section[data-edge=north]")
            await north.locator(".state.applied").wait_for()
            assert "s3cret" not in await page.content()
            await north.locator("tr[data-camera=face] [name=strength]").fill("0.5")
            await north.locator("tr[data-camera=face] [name=fps]").fill("5")
            await shoot(page, "1-edited")
            await north.locator("form [name=who]").fill("Marie")
            await north.locator("form [name=why]").fill("the face is too bright")
            await north.get_by_role("button", name="Apply").click()
            await until(lambda: fields(edge, "face").get("strength") == 0.5)
            await north.locator("text=epoch 1 by Marie: the face is too bright").wait_for()
            assert edge.received[-1].config["cameras"]["face"]["source"] == "rtsp://admin:s3cret@10.1.0.7/stream"
            await shoot(page, "2-applied")

            edge.refuses = "cameras.shaft.source: this edge opens no usb:// sources"
            await north.get_by_role("button", name="Add a camera").click()
            new = north.locator("tbody tr", has=page.locator("input[pattern]"))
            await new.locator("input[pattern]").fill("shaft")
            await north.locator("tr[data-camera=shaft] [name=source]").fill("usb://0")
            await north.locator("tr[data-camera=face] [name=fps]").fill("7")
            await north.get_by_role("button", name="Apply").click()
            await north.locator(".refusal", has_text="opens no usb://").wait_for()
            await north.locator("tr[data-camera=face] .runs", has_text="runs 5").wait_for()
            assert await north.locator("tr.off[data-camera=shaft]").count() == 1
            await north.locator("summary").click()
            await shoot(page, "3-refused")

            edge.refuses = ""
            await north.locator(".past tr", has_text="too bright").get_by_role("button", name="Roll back to this").click()
            await north.locator("text=epoch 3").first.wait_for()
            await until(lambda: "shaft" not in edge.reported.config["cameras"])
            await north.locator(".refusal").wait_for(state="hidden")
            await north.locator("tr[data-camera=gallery]").get_by_role("button", name="Remove gallery").click()
            await north.get_by_role("button", name="Apply").click()
            await until(lambda: list(edge.reported.config["cameras"]) == ["face"])
        assert errors == []
        await north.locator("tr[data-camera=face] [name=quality]").fill("3")
        await north.get_by_role("button", name="Apply").click()
        await page.locator("#banner", has_text="config/cameras/face/quality").wait_for()
        assert "422" in errors.pop()
        await shoot(page, "4-invalid")
        await browser.close()
    assert errors == []
