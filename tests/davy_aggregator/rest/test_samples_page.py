"""The page of samples, in a real browser."""

import os
import shutil

import pytest
from tests.davy_aggregator.conftest import until
from tests.davy_aggregator.samples.test_rpc import push, sample

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_an_operator_views_samples_excludes_one_and_pins_one(aggregator):
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1280, "height": 760})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        await page.goto(f"{aggregator.http}/samples")
        await page.wait_for_selector("#nothing:visible")
        await page.click(".drift summary")
        assert await page.locator("#drift tr").count() == 3
        assert "unknown" in await page.inner_text("#drift tr >> nth=0")
        assert "No drift" in await page.inner_text("#drift-note")
        await push(aggregator, *(sample(number, number, camera="belt" if number % 2 else "face") for number in range(1, 6)))
        await page.wait_for_selector(".shot >> nth=4", timeout=8000)  # it looks again by itself
        await until(lambda: page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)"))
        await page.click(".shot >> nth=0 >> text=Exclude")
        await page.click(".shot >> nth=1 >> text=Validation")
        await page.wait_for_selector("text=3 for training, 1 for validation, 1 excluded")
        await page.select_option("#use", "validation")
        await until(lambda: _shows(page, 1))
        assert await page.get_attribute(".shot", "data-use") == "validation"
        await page.select_option("#use", "")
        await page.select_option("#camera", "north.belt")
        await until(lambda: _shows(page, 3))
        if folder := os.environ.get("DAVY_PICTURES"):
            await page.select_option("#camera", "")
            await page.wait_for_selector(".shot >> nth=4")
            await page.screenshot(path=f"{folder}/samples.png")
        await browser.close()
    assert errors == []


async def _shows(page, count: int) -> bool:
    return await page.locator(".shot").count() == count
