"""The page of zones and rules, in a real browser."""

import os
import shutil
from pathlib import Path

import pytest
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, picture, push, running, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = os.environ.get("DAVY_TEST_SHOTS")  # a folder for pictures of the page, to look at


async def stored(aggregator):
    config = (await aggregator.get("/v1/edges/north/config")).json()["desired"]["config"]
    return config["cameras"]["face"]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_a_zone_is_drawn_by_pointer_and_keyboard_and_its_rule_is_stored(tmp_path):
    from playwright.async_api import async_playwright

    async with running(make_settings(tmp_path), make_site()) as aggregator, async_playwright() as playwright:
        await push(aggregator, envelope(1, jpeg=picture(size=(640, 360))))
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{aggregator.http}/places?camera=north.face")
        await page.get_by_role("button", name="Add a zone").click()
        corners = page.locator(".corner")
        await corners.nth(0).wait_for()
        await until(lambda: _dragged(page, corners.nth(0), to=(0.1, 0.2)))
        await corners.nth(2).focus()
        await page.keyboard.press("Shift+ArrowRight")
        await page.keyboard.press("Insert")
        await page.get_by_role("button", name="Add a rule").click()
        await page.locator("#rules [name=for_s]").fill("2")
        if SHOTS:
            await page.screenshot(path=Path(SHOTS) / "places.png")
        await page.locator("#change [name=why]").fill("the sump")
        await page.get_by_role("button", name="Apply").click()
        await page.locator("#saved", has_text="Saved").wait_for()
        await until(lambda: _has_rule(aggregator))
        camera = await stored(aggregator)
        (zone,), (rule,) = camera["zones"], camera["rules"]
        assert len(zone["polygon"]) == 5 and zone["polygon"][2] == [0.68, 0.8]
        assert zone["polygon"][0] == pytest.approx([0.1, 0.2], abs=0.02)
        assert (rule["kind"], rule["zone"], rule["for_s"]) == ("person-in-zone", zone["name"], 2)
        assert not errors
        await browser.close()


async def _dragged(page, corner, to) -> bool:
    """Drags a corner over the picture; False if an alarm moved the page meanwhile, and the pointer met another place."""
    box = await page.locator("#stage").bounding_box()
    held = await corner.bounding_box()
    await page.mouse.move(held["x"] + 12, held["y"] + 12)
    await page.mouse.down()
    await page.mouse.move(box["x"] + to[0] * box["width"], box["y"] + to[1] * box["height"], steps=4)
    await page.mouse.up()
    return await page.locator("#stage").bounding_box() == box


async def _has_rule(aggregator):
    return bool((await stored(aggregator))["rules"])
