"""The page of models and rollouts, in a real browser."""

import shutil

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.fleet import TalkingEdge, talking
from tests.fixtures.packages import bad_package, good_package, trust

from davy.twin.model import DesiredModel, ModelState

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
GOOD, BLACK = good_package(), bad_package("black")
CAMERA = {"cameras": {"face": {"source": "mine://face"}}}


def refuses_black(edge: TalkingEdge, desired: DesiredModel) -> tuple[ModelState, str]:
    return (ModelState.FAILED, "gate:black") if desired.model == BLACK.id else (ModelState.ACTIVE, "")


async def row(page, edge: str) -> str:
    return await page.inner_text(f"tr[data-edge={edge}]")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_an_operator_rolls_a_model_out_by_hand_and_sees_why_a_bad_one_went_back(mosquitto, tmp_path):
    from playwright.async_api import async_playwright

    trust().save(tmp_path / "keys" / "trust.json")
    edges = [TalkingEdge(f"e{index}", refuses_black, step_s=0.05) for index in range(3)]
    site = make_site(mosquitto.endpoint, **{edge.name: CAMERA for edge in edges})
    async with running(make_settings(tmp_path), site) as aggregator, async_playwright() as playwright:
        for package in (GOOD, BLACK):
            assert (await aggregator.client.post("/v1/models", content=package.data, timeout=30)).status_code == 201
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1440, "height": 860})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        async with talking(mosquitto.endpoint, "mine", *edges):
            await page.goto(f"{aggregator.http}/models")
            await page.wait_for_selector("text=3 of 3 online")
            for package, expected_state in ((GOOD, "done"), (BLACK, "rolled-back")):
                await page.locator("#models tr", has_text=package.id[:12]).locator("button:enabled").click()
                await page.click("#ask button.go")
                await page.wait_for_selector(f"#rollout-note .state.{expected_state}", timeout=15_000)
            assert "canary" in await page.inner_text("#rollout-note")
            await until(lambda: _has(page, "e0", "gate:black"))
            assert "0.02" in await row(page, "e0")
            assert await page.locator("tr[data-edge=e0] td.bad").count() == 1
            assert "gate:black" not in await row(page, "e1")
            assert await page.locator("#past tr").count() == 1
        await page.wait_for_selector("text=0 of 3 online", timeout=10_000)
        await browser.close()
    assert errors == []


async def _has(page, edge: str, arguments: str) -> bool:
    return arguments in await row(page, edge)
