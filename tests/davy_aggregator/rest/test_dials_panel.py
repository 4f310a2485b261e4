"""The operator's dials beside one large camera, in a real browser."""

import pytest
from playwright.async_api import expect
from tests.davy_aggregator.conftest import until
from tests.davy_aggregator.rest.wall import wall_of
from tests.fixtures.chromium import chromium, needs_chromium, shoot

pytestmark = [needs_chromium, pytest.mark.system]


async def camera_of(aggregator):
    answer = await aggregator.client.get("/v1/edges/edge-1/config")
    return answer.json()["desired"]["config"]["cameras"]["cam-2"]


async def move(page, name, value):
    slider = page.locator(f"#dial-{name}")
    await slider.evaluate(
        "(field, value) => { field.value = value; field.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )
    await slider.dispatch_event("change")


async def test_a_dial_that_moves_reaches_the_edge_and_neutral_takes_it_back(tmp_path):
    async with wall_of(4, tmp_path, fps=2) as aggregator, chromium(viewport={"width": 1366, "height": 768}) as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await expect(page.locator(".tile[data-state=live]")).to_have_count(4, timeout=15_000)
        await expect(page.locator("#adjust")).to_be_hidden()  # on the wall
        await page.keyboard.press("2")
        await page.locator("#adjust").click()
        await expect(page.locator("#dials")).to_be_visible()
        await page.locator("#dials select").select_option("heading")
        await expect(page.locator('output[for="dial-brightness"]')).to_have_text("0.30")
        await move(page, "colour", 0)
        await move(page, "noise", 0.5)

        async def changed():
            camera = await camera_of(aggregator)
            return (camera.get("preset"), camera.get("colour"), camera.get("noise")) == ("heading", 0, 0.5)

        await until(changed, 10)
        await shoot(page, "dials-1366x768")
        await page.locator("#dials-neutral").click()

        async def neutral():
            return not {"preset", "colour", "noise"} & {
                name for name, value in (await camera_of(aggregator)).items() if value is not None
            }

        await until(neutral, 10)
        await page.keyboard.press("Escape")
        await expect(page.locator("#adjust")).to_be_hidden()
        assert browser.errors == []
        history = (await aggregator.client.get("/v1/edges/edge-1/config/history")).json()["history"]
        assert history[0]["why"] == "dials in the console"
