"""The camera that the console shows large, played by Chromium over WebRTC."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import expect
from tests.davy_aggregator.conftest import envelope, push, until
from tests.davy_aggregator.outputs.test_webrtc import pushing, viewers
from tests.fixtures.chromium import chromium, needs_chromium, shoot
from tests.fixtures.video import VideoSource

TILE = "article[data-camera='north.face']"

# How old the drawn picture is by the clock burnt into it, and how old the page takes it to be, in ms.
AGES = """() => {
  const tile = document.querySelector("article[data-camera='north.face']");
  const canvas = tile.querySelector("canvas");
  const scale = canvas.width / 640;
  const top = (canvas.height - 360 * scale) / 2;
  const row = canvas.getContext("2d").getImageData(0, Math.round(top + 8 * scale), canvas.width, 1).data;
  let ms = 0;
  for (let bit = 0; bit < 24; bit++) if (row[Math.round((bit * 16 + 8) * scale) * 4] > 128) ms += 2 ** bit;
  const shown = tile.querySelector(".figures .age dd").textContent;
  return [(Date.now() % 2 ** 24 - ms + 2 ** 24) % 2 ** 24, shown];
}"""


@asynccontextmanager
async def pushing_pictures(aggregator):
    async def keep_pushing():
        for seq in range(1, 1000):
            await push(aggregator, envelope(seq))
            await asyncio.sleep(0.5)

    task = asyncio.create_task(keep_pushing())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.system
@needs_chromium
async def test_the_large_camera_plays_video_and_falls_back_to_pictures(aggregator):
    async with pushing_pictures(aggregator), chromium(viewport={"width": 1280, "height": 800}) as browser:
        page = await browser.new_page()
        async with pushing(aggregator, VideoSource(fps=15)):
            await page.goto(f"{aggregator.http}/?camera=north.face")
            tile = page.locator(TILE)
            await expect(tile).to_have_attribute("data-video", "true", timeout=15_000)
            ages = []
            for _ in range(20):
                burnt, shown = await page.evaluate(AGES)
                ages.append((burnt, float(shown.split()[0]) * (1 if "ms" in shown else 1000)))
                await asyncio.sleep(0.1)
            assert sorted(burnt for burnt, _ in ages)[10] < 1000, ages
            assert sorted(abs(burnt - shown) for burnt, shown in ages)[10] < 300, ages  # the figure is written 5 times a second
            await shoot(page, "player")
        await expect(tile).to_have_attribute("data-video", "false", timeout=15_000)
        await page.goto("about:blank")
        await until(lambda: viewers(aggregator) == 0, 20)
        assert browser.errors == []
