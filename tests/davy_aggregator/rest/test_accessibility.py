"""axe-core finds nothing on any page of the console, on a large screen and on a phone; every language fits both."""

import subprocess
import time
from functools import partial

import pytest
from playwright.async_api import expect
from tests.davy_aggregator.conftest import RAW, until
from tests.davy_aggregator.rest.wall import report_event, wall_of
from tests.fixtures.chromium import LANGUAGES, chromium, needs_chromium, shoot, violations
from tests.fixtures.packages import good_package, trust

from davy.v1 import sample_pb2, sample_pb2_grpc

pytestmark = [needs_chromium, pytest.mark.system]

PAGES = {
    "/": ".tile[data-state=live]",
    "/?camera=edge-1.cam-2": ".tile.single",
    "/alarms": "#rule-rows tr",
    "/events": "#list li",
    "/timeline": ".row[data-camera]",
    "/places": "#camera option",
    "/add-camera": "#edge option",
    "/edges": "#edges tbody tr",
    "/models": "#models tr code",
    "/samples": ".shot",
    "/users": "#tokens tr",
    "/journal": "#entries tr",
    "/login": "#submit",
    "/docs": ".route",
    "/wall/control-room": ".tile",
}
AXE_LANGUAGES = ("en", "ru")  # the shortest words and the longest; elements and colours are the same in all
LAPTOP, PHONE = {"width": 1366, "height": 768}, {"width": 390, "height": 844}


async def furnish(aggregator) -> None:
    """Something for every page to show."""
    await report_event(aggregator, "the fan stands still")
    await aggregator.client.put("/v1/walls/control-room", json={"layout": {}})
    assert (await aggregator.client.post("/v1/models", content=good_package().data, timeout=30)).status_code == 201
    await aggregator.client.post("/v1/tokens", json={"name": "grafana", "role": "monitor"})
    meta = {"site": "mine", "edge": "edge-1", "camera": "cam-1", "boot_id": "b1", "seq": 1, "captured_ns": time.time_ns()}
    sample = sample_pb2.Sample(**meta, reason="dark", jpeg=RAW)
    stub = sample_pb2_grpc.SampleServiceStub(aggregator.channel)
    _ = [ack async for ack in stub.PushSamples(iter([sample_pb2.PushSamplesRequest(sample=sample)]))]


@pytest.mark.parametrize("language", [pytest.param(each, marks=() if each == "en" else pytest.mark.slow) for each in LANGUAGES])
async def test_no_page_has_a_violation(tmp_path, language):
    trust().save(tmp_path / "keys" / "trust.json")
    async with (
        wall_of(4, tmp_path, fps=2) as aggregator,
        chromium(locale=LANGUAGES[language], viewport=LAPTOP) as browser,
    ):
        await furnish(aggregator)
        page = await browser.new_page()
        found = {}
        for path, loaded in PAGES.items():
            await page.set_viewport_size(LAPTOP)
            await page.goto(f"{aggregator.http}{path}")
            await expect(page.locator(loaded).first).to_be_attached(timeout=15_000)
            assert (await page.get_attribute("html", "lang"))[:2] == language
            for screen in (LAPTOP, PHONE):
                await page.set_viewport_size(screen)
                if language in AXE_LANGUAGES:
                    found[path, screen["width"]] = await violations(page)
                await until(partial(_fits, page, screen["width"]))
                await shoot(page, f"page-{language}-{path.strip('/').replace('/', '-').split('?')[0]}-{screen['width']}")
        assert "\n".join(f"{at}: {rule}" for at, rules in found.items() for rule in rules) == ""


async def _fits(page, width) -> bool:
    """The page is no wider than its screen, once its script has followed the new size."""
    return await page.evaluate("() => document.documentElement.scrollWidth") <= width


async def test_open_menus_have_no_violation(tmp_path):
    async with wall_of(4, tmp_path, fps=2) as aggregator, chromium(viewport=LAPTOP) as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await expect(page.locator(".tile[data-state=live]")).to_have_count(4, timeout=15_000)
        for menu in ("#nav summary", "#view summary", "#health summary"):
            await page.locator(menu).click()
            assert await violations(page) == [], menu
            await shoot(page, f"menu-{menu.split()[0].strip('#')}")
            await page.keyboard.press("Escape")
            await expect(page.locator("details.menu[open]")).to_have_count(0)
        for mode in ("Split", "Raw"):
            await page.get_by_text(mode, exact=True).first.click()
            assert await violations(page) == [], mode


async def test_the_language_is_the_browsers_until_somebody_chooses(tmp_path):
    async with wall_of(1, tmp_path) as aggregator, chromium(locale="pl-PL") as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await expect(page.locator("#events h2")).to_have_text("Zdarzenia")
        await page.locator("#nav summary").click()
        await page.select_option("#nav select", "zh")
        await expect(page.locator("#events h2")).to_have_text("事件")
        await page.goto(f"{aggregator.http}/models")
        await expect(page.locator("#models-title")).to_have_text("模型")


GLYPHS = {"es": "ñ¿", "pl": "łż", "ru": "Жщ", "zh": "摄像"}
INK = """letter => {
    const context = Object.assign(document.createElement('canvas'), {width: 40, height: 40}).getContext('2d');
    context.font = `24px ${getComputedStyle(document.documentElement).fontFamily}`;
    context.fillText(letter, 4, 30);
    return context.canvas.toDataURL();
}"""


@pytest.fixture
def fonts():
    """The families of this machine by language."""
    return lambda language: subprocess.check_output(["fc-list", f":lang={language}", "family"], text=True).strip()


@pytest.mark.parametrize("language", GLYPHS)
async def test_the_fonts_of_the_pages_have_the_glyphs_of_the_language(aggregator, language, fonts):
    if not fonts(language):
        pytest.skip(f"no font of this machine has {language} (Debian: fonts-noto-cjk)")
    async with chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/login")
        drawn = [await page.evaluate(INK, letter) for letter in GLYPHS[language]]
        missing = await page.evaluate(INK, "\\U0010fffe")
        assert len({*drawn, missing}) == 3, "an absent glyph is drawn as the same box as every other"
