"""The page in a real browser."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Page, async_playwright, expect
from tests.fixtures.chromium import LANGUAGES, chromium, violations

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [pytest.mark.system, pytest.mark.skipif(not CHROMIUM.exists(), reason="Chromium is not installed")]


@pytest.fixture
async def page(service):
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1200, "height": 800})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(str(service.http.base_url))
        yield page
        await browser.close()
        assert errors == []


async def test_a_picture_is_shown_raw_next_to_enhanced(page: Page, dark: Image.Image, tmp_path: Path):
    dark.save(tmp_path / "dark.jpg")
    await page.set_input_files("#file", tmp_path / "dark.jpg")
    await expect(page.locator("#view")).to_be_visible()
    await expect(page.locator("#status")).to_contain_text("320 × 240, JPEG")
    before = await page.locator("#enhanced").get_attribute("src")

    await page.locator("#strength").fill("40")
    await expect(page.locator("#enhanced")).not_to_have_attribute("src", str(before))
    await expect(page.locator("#shown")).to_have_text("0.40")

    box = await page.locator("#view").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 50)
    await page.mouse.up()
    await expect(page.locator("#view")).to_have_attribute("aria-valuenow", "25")

    await page.locator("#format").select_option("image/png")
    await expect(page.locator("#save")).to_have_attribute("download", "dark-enhanced.png")


async def test_a_file_that_is_no_picture_gets_an_error_with_the_remedy(page: Page, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("hello")
    await page.set_input_files("#file", tmp_path / "notes.txt")
    await expect(page.locator("#error")).to_have_text(re.compile("notes.txt: .*send JPEG"))
    await expect(page.locator("#drop")).to_be_visible()


@pytest.mark.parametrize("language", [pytest.param(each, marks=() if each == "en" else pytest.mark.slow) for each in LANGUAGES])
async def test_axe_finds_nothing_on_the_pages_of_the_enhancer(service, language, dark: Image.Image, tmp_path: Path):
    dark.save(tmp_path / "dark.jpg")
    async with chromium(locale=LANGUAGES[language]) as browser:
        page = await browser.new_page()
        await page.goto(str(service.http.base_url))
        assert await violations(page) == []
        await page.set_input_files("#file", tmp_path / "dark.jpg")
        await expect(page.locator("#view")).to_be_visible()
        assert await violations(page) == []
        await page.locator("#nav summary").click()
        await page.locator("#nav a[href='/docs']").click()
        await page.locator(".route summary").first.click()
        assert await violations(page) == []
        assert browser.errors == []


async def test_the_documentation_sends_a_request_and_shows_the_answer(service):
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{service.http.base_url}/docs")
        route = page.locator(".route", has_text="GET/v1/model")
        await route.locator("summary").click()
        await route.get_by_role("button", name="Send").click()
        await expect(route.locator(".answer")).to_contain_text("max_megapixels")
        assert browser.errors == []
