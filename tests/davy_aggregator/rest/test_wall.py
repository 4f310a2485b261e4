"""The wall of cameras in a real browser: every number of cameras on every screen."""

import json

import pytest
from playwright.async_api import expect
from tests.davy_aggregator.conftest import until
from tests.davy_aggregator.rest.wall import report_event, wall_of
from tests.fixtures.chromium import chromium, needs_chromium, shoot

pytestmark = [needs_chromium, pytest.mark.system]

COUNTS = (1, 4, 9, 16, 25, 40, 64)
SCREENS = ((1366, 768), (1920, 1080), (3840, 2160), (768, 1024), (390, 844))
PICTURES = """() => [...document.querySelectorAll('.tile .picture')].map(node => {
    const {left, right, height} = node.getBoundingClientRect();
    return {left, right, height};
})"""


async def count_is(page, selector, count):
    return await page.locator(selector).count() == count


async def check_wall(page, count, screen):
    """Every picture is legible, nothing lies outside the screen, and scrolling reaches the last one."""
    width, height = screen
    await page.set_viewport_size({"width": width, "height": height})
    await until(lambda: count_is(page, ".tile", count), 15)
    # a layout follows the resize with the browser's next frame
    await page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    pictures = await page.evaluate(PICTURES)
    assert min(found["height"] for found in pictures) >= 120, screen
    assert min(found["left"] for found in pictures) >= 0
    assert max(found["right"] for found in pictures) <= width
    assert await page.evaluate("() => document.documentElement.scrollWidth") <= width
    last = page.locator(".tile").last
    await last.scroll_into_view_if_needed()
    box = await last.bounding_box()
    assert -2 <= box["y"] <= height - box["height"] + 2  # a page scrolls by whole pixels
    if width >= 1366:
        assert (await page.locator(".bar").bounding_box())["height"] < 60, "the head has one row"
    await page.locator(".tile").first.scroll_into_view_if_needed()
    await shoot(page, f"wall-{count}-{width}x{height}")


@pytest.mark.parametrize("count", [1, 16, 64])
async def test_pictures_are_legible_on_a_phone_a_laptop_and_a_4k_screen(count, tmp_path):
    async with wall_of(count, tmp_path) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        for screen in ((1366, 768), (3840, 2160), (390, 844)):
            await check_wall(page, count, screen)
        assert browser.errors == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "count", [pytest.param(each, marks=pytest.mark.slow if each in (9, 25, 40) else ()) for each in COUNTS]
)
async def test_pictures_are_legible_on_every_screen(count, tmp_path):
    async with wall_of(count, tmp_path, fps=1) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await until(lambda: count_is(page, ".tile", count), 15)
        await until(lambda: page.locator(".tile[data-state=live]").count(), 15)
        for screen in SCREENS:
            await check_wall(page, count, screen)
        assert browser.errors == []


def sent(page) -> list[dict]:
    """Collect what the page asks the server to show, from now on."""
    asked: list[dict] = []

    def collect(socket):
        def note(text):
            if isinstance(text, str) and '"show"' in text:
                asked.append(json.loads(text)["cameras"])

        socket.on("framesent", note)

    page.on("websocket", collect)
    return asked


async def live_tiles(page, count):
    await until(lambda: count_is(page, ".tile[data-state=live]", count), 20)


async def test_only_visible_tiles_are_sent_each_at_its_size(tmp_path):
    async with wall_of(40, tmp_path, fps=2) as aggregator, chromium(viewport={"width": 1366, "height": 768}) as browser:
        page = await browser.new_page()
        asked = sent(page)
        await page.goto(aggregator.http)
        await until(lambda: asked and asked[-1], 15)
        await expect(page.locator(".tile[data-state=live]")).to_have_count(40, timeout=20_000)  # by the server's word
        first = asked[-1]
        assert 8 <= len(first) < 40
        assert {tile["kind"] for tile in first.values()} == {"enhanced"}
        widths = {tile["width"] for tile in first.values()}
        assert len(widths) == 1 and 240 <= widths.pop() <= 272
        await page.locator(".tile").last.scroll_into_view_if_needed()
        await until(lambda: "edge-5.cam-40" in asked[-1] and "edge-1.cam-1" not in asked[-1])
        assert browser.errors == []


async def test_keys_open_cameras_and_move_between_them(tmp_path):
    async with wall_of(4, tmp_path, fps=5) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await live_tiles(page, 4)
        single = page.locator(".tile.single")
        await page.keyboard.press("3")
        await expect(single).to_have_attribute("data-camera", "edge-1.cam-3")
        assert "camera=edge-1.cam-3" in page.url
        await page.keyboard.press("ArrowRight")
        await expect(single).to_have_attribute("data-camera", "edge-1.cam-4")
        await page.keyboard.press("ArrowRight")
        await expect(single).to_have_attribute("data-camera", "edge-1.cam-1")
        await page.keyboard.press("Escape")
        await expect(single).to_have_count(0)
        await page.keyboard.press("f")
        await until(lambda: page.evaluate("() => Boolean(document.fullscreenElement)"))
        assert await page.locator(".bar").is_hidden()
        assert browser.errors == []


async def test_the_address_reopens_the_camera_that_was_shown(tmp_path):
    async with wall_of(4, tmp_path, fps=5) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/?camera=edge-1.cam-2")
        await expect(page.locator(".tile.single")).to_have_attribute("data-camera", "edge-1.cam-2", timeout=15_000)


async def test_zooming_in_asks_for_a_larger_picture_and_shows_a_part_of_it(tmp_path):
    async with (
        wall_of(4, tmp_path, fps=5, size=(1280, 720)) as aggregator,
        chromium(viewport={"width": 900, "height": 700}) as browser,
    ):
        page = await browser.new_page()
        asked = sent(page)
        await page.goto(aggregator.http)
        await live_tiles(page, 4)
        await page.keyboard.press("1")
        await until(lambda: list(asked[-1]) == ["edge-1.cam-1"])
        before = asked[-1]["edge-1.cam-1"]["width"]
        await page.locator(".tile.single .picture").hover(position={"x": 40, "y": 40})
        await page.mouse.wheel(0, -600)
        await until(lambda: asked[-1]["edge-1.cam-1"]["width"] > 1.8 * before)
        assert await page.locator(".tile.single").count() == 1
        await page.keyboard.press("0")
        await until(lambda: asked[-1]["edge-1.cam-1"]["width"] == before)
        assert browser.errors == []


async def test_the_mode_is_enhanced_at_first_and_remembered(tmp_path):
    async with wall_of(1, tmp_path, fps=5) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await live_tiles(page, 1)
        assert await page.locator("input[name=mode]:checked").get_attribute("value") == "enhanced"
        await page.get_by_text("Raw", exact=True).first.click()
        asked = sent(page)
        await page.reload()
        await until(lambda: asked and asked[-1], 15)
        assert asked[-1]["edge-1.cam-1"]["kind"] == "raw"


async def order(page):
    return await page.eval_on_selector_all(".tile", "nodes => nodes.map(node => node.dataset.camera.split('-').at(-1))")


async def test_tiles_are_ordered_by_key_and_by_drag_and_the_address_keeps_the_order(tmp_path):
    async with wall_of(4, tmp_path) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await expect(page.locator(".tile")).to_have_count(4, timeout=15_000)
        await page.locator("[data-camera='edge-1.cam-1'] .open").focus()
        await page.keyboard.press("Alt+ArrowRight")
        assert await order(page) == ["2", "1", "3", "4"]
        await page.drag_and_drop("[data-camera='edge-1.cam-4'] .caption", "[data-camera='edge-1.cam-2'] .picture")
        assert await order(page) == ["4", "2", "1", "3"]
        await page.goto(page.url)
        await expect(page.locator(".tile")).to_have_count(4, timeout=15_000)
        assert await order(page) == ["4", "2", "1", "3"]
        assert browser.errors == []


async def test_pages_turn_by_key_and_on_a_tour(tmp_path):
    async with wall_of(9, tmp_path) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/?per_page=4")
        await expect(page.locator("#page-text")).to_have_text("1 of 3", timeout=15_000)
        assert await order(page) == ["1", "2", "3", "4"]
        await page.keyboard.press("PageDown")
        assert await order(page) == ["5", "6", "7", "8"]
        await page.goto(f"{aggregator.http}/?per_page=4&tour_s=1")
        await expect(page.locator("#page-text")).to_have_text("2 of 3", timeout=15_000)
        await expect(page.locator("#page-text")).to_have_text("3 of 3")


async def test_cameras_are_grouped_by_district(tmp_path):
    async with wall_of(32, tmp_path) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/?group=district")
        await expect(page.locator(".group")).to_have_text(["panel-1", "panel-2"], timeout=15_000)
        assert browser.errors == []


async def test_a_saved_layout_is_chosen_again_in_another_window(tmp_path):
    async with wall_of(9, tmp_path) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await page.locator("#view summary").click()
        await page.select_option("#per_page", "4")
        await page.fill("#layout-name", "belts")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator("#layouts")).to_have_value("belts")
        other = await browser.new_page()
        await other.goto(aggregator.http)
        await other.locator("#view summary").click()
        await expect(other.locator("#layouts option")).to_have_count(2)
        await other.select_option("#layouts", "belts")
        await expect(other.locator("#page-text")).to_have_text("1 of 3")
        await expect(other.locator(".tile")).to_have_count(4)
        assert browser.errors == []


@pytest.mark.alone
async def test_ten_windows_of_one_browser_all_have_pictures_and_events(tmp_path):
    async with wall_of(4, tmp_path, fps=2) as aggregator, chromium(viewport={"width": 800, "height": 600}) as browser:
        pages = [await browser.new_page() for _ in range(10)]
        for page in pages:
            await page.goto(aggregator.http)
        for page in pages:
            await page.bring_to_front()
            await live_tiles(page, 4)
        await report_event(aggregator, "the fan stands still")
        for page in pages:
            await expect(page.locator("#event-list .message", has_text="the fan stands still")).to_be_attached(timeout=10_000)
        assert browser.errors == []


async def test_a_window_that_is_refused_says_so(tmp_path):
    async with wall_of(1, tmp_path, max_streams=1) as aggregator, chromium() as browser:
        first, second = [await browser.new_page() for _ in range(2)]
        await first.goto(aggregator.http)
        await expect(first.locator(".tile")).to_have_count(1, timeout=15_000)
        await second.goto(aggregator.http)
        await expect(second.locator("#banner")).to_contain_text("the number of console streams", timeout=15_000)
        await expect(second.locator("#health-text")).to_have_text("Connection lost")


async def test_nothing_is_called_ready_while_a_camera_is_offline(tmp_path):
    async with wall_of(2, tmp_path, fps=5, offline_after_s=2) as aggregator, chromium() as browser:
        page = await browser.new_page()
        await page.goto(aggregator.http)
        await live_tiles(page, 2)
        await aggregator.stop_pushing()
        await expect(page.locator("#health-text")).to_have_text("2 cameras offline", timeout=15_000)
        await expect(page.locator("#count-offline")).to_have_text("2")
        assert browser.errors == []
