"""The page that adds a camera, in a real browser, with a real edge, broker and ONVIF device."""

import pytest
from playwright.async_api import expect
from tests.davy_aggregator.conftest import make_settings, make_site, running
from tests.fixtures.cameras import picture
from tests.fixtures.chromium import chromium, needs_chromium, shoot, violations
from tests.fixtures.edges import edge
from tests.fixtures.onvif_devices import free_udp_port, simulator

from davy.adapters.media import jpeg
from davy.domain.secret_url import SecretUrl

pytestmark = [needs_chromium, pytest.mark.system]
NORTH = {"north": {"cameras": {"face": {"source": "file:///nowhere"}}, "sources": {"networks": ["127.0.0.0/8"]}}}
SCREENS = ({"width": 1366, "height": 900}, {"width": 390, "height": 844})


async def test_an_engineer_finds_tests_and_adds_a_camera(mosquitto, tmp_path):
    port, site = free_udp_port(), make_site(mosquitto.endpoint, **NORTH)
    async with (
        running(make_settings(tmp_path / "aggregator"), site) as aggregator,
        simulator(port, jpeg.encode(picture(40), 90), onvif_user="admin", onvif_password="p@ss/word") as http_port,
        edge(
            site.model_copy(update={"aggregator": SecretUrl(f"grpc://127.0.0.1:{aggregator.grpc_port}")}),
            tmp_path / "edge",
            search_port=port,
            search_s=0.6,
        ),
        chromium(viewport=SCREENS[0]) as browser,
    ):
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/add-camera")
        await expect(page.locator("#edge option")).to_have_count(1)

        await page.locator("#search button").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#searching")).to_be_visible()
        await expect(page.locator("#search-note")).to_have_text("One camera answered.", timeout=40_000)
        await expect(page.locator("#found")).to_contain_text("asks for a user and a password")

        await page.fill("#host", f"localhost:{http_port}")
        await page.get_by_role("button", name="Search").click()
        await expect(page.locator("#found b")).to_have_text("127.0.0.1", timeout=40_000)
        await page.fill("#host", "")

        await page.get_by_role("button", name="Choose 127.0.0.1").press("Enter")
        await expect(page.locator("#user")).to_be_focused()
        await page.keyboard.type("admin")
        await page.fill("#password", "guess")
        await page.click("#read")
        await expect(page.locator("#test-refusal")).to_have_text("it rejects this user or password", timeout=40_000)
        await page.fill("#password", "p@ss/word")
        await page.click("#read")
        await expect(page.locator("#profile option")).to_have_count(2, timeout=40_000)
        await expect(page.locator("#source")).to_have_value(f"http://127.0.0.1:{http_port}/gallery.mjpeg")
        await page.select_option("#profile", index=1)
        await expect(page.locator("#source")).to_have_value(f"http://127.0.0.1:{http_port}/face.mjpeg")

        await page.get_by_role("button", name="Test picture").click()
        await expect(page.locator("#test-note")).to_contain_text("frames per second", timeout=40_000)
        for name in ("raw", "enhanced"):
            assert await page.locator(f"#{name}").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        for screen in SCREENS:
            await page.set_viewport_size(screen)
            await shoot(page, f"add-camera-tested-{screen['width']}")
            assert await violations(page) == []
        await page.set_viewport_size(SCREENS[0])

        await page.fill("#camera", "face")
        await page.get_by_role("button", name="Add the camera").click()
        await expect(page.locator("#add-refusal")).to_contain_text("choose another id")
        await page.fill("#camera", "east-gallery")
        await page.fill("#why", "a new face")
        await page.get_by_role("button", name="Add the camera").click()
        await expect(page.locator("#add-note")).to_have_text("Camera east-gallery is added.", timeout=40_000)
        await expect(page.locator("#live-picture")).to_be_visible(timeout=40_000)
        await page.get_by_role("button", name="Search").click()
        await expect(page.locator("#found")).to_contain_text("is camera east-gallery of this edge", timeout=40_000)
        await page.locator("#live").scroll_into_view_if_needed()
        await shoot(page, "add-camera-added")
        assert await page.input_value("#password") == ""
        config = (await aggregator.client.get("/v1/edges/north/config")).text
        assert "p%40ss" not in config
        assert "p@ss" not in config
        assert "east-gallery" in config
        assert [each for each in browser.errors if "404" not in each and "503" not in each] == []


async def test_an_edge_that_is_not_connected_has_a_reason(aggregator):
    async with chromium(viewport=SCREENS[1]) as browser:
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/add-camera")
        await page.select_option("#edge", "north")
        await page.get_by_role("button", name="Search").click()
        await expect(page.locator("#banner")).to_contain_text("not connected")
        await page.fill("#source", "rtsps://10.0.0.5/live")
        await expect(page.locator("#tls")).to_be_visible()
        await page.get_by_role("button", name="Test picture").click()
        await expect(page.locator("#test-refusal")).to_contain_text("not connected")
        await shoot(page, "add-camera-refused-390")
        assert await violations(page) == []
