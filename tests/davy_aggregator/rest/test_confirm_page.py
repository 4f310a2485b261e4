"""Two people, a rollout and a candidate on the page of models, in a real browser."""

import shutil

import pytest
from tests.davy_aggregator.rollout.test_two_persons import PASSWORD, closed, fleet
from tests.fixtures.candidates import candidate

from davy.adapters.storage.candidate_registry import CandidateRegistry, Proposal

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_the_starter_cannot_confirm_and_the_second_person_can_and_both_names_stay(mosquitto, tmp_path):
    from playwright.async_api import async_playwright, expect

    proposal = Proposal(by="trainer", cause="drift of north.face", checks=("every figure is a number",))
    async with closed(mosquitto, tmp_path, *fleet()) as site, async_playwright() as playwright:
        CandidateRegistry(f"file://{tmp_path}/registry").propose(candidate().data, proposal)
        await site.start("ada")
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        errors: list[str] = []

        async def page_of(who: str):
            context = await browser.new_context(base_url=site.aggregator.http)
            assert (await context.request.post("/v1/session", data={"name": who, "password": PASSWORD})).ok
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            await page.goto("/models")
            await page.wait_for_selector("#rollout-note .state.unconfirmed")
            return page

        ada, bob, cleo = [await page_of(who) for who in ("ada", "bob", "cleo")]
        assert await ada.locator("#rollout-actions button", has_text="Confirm").is_disabled()
        assert not await cleo.locator("#rollout-actions button", has_text="Confirm").is_visible()
        assert await cleo.locator("#rollout-actions button", has_text="Abort").is_visible()
        assert "40 frames in shadow, 1 s of probation" in await bob.inner_text("#rollout-note")
        assert "gates: " in await bob.inner_text("#rollout-note")
        row = bob.locator("#candidates tr", has_text=candidate().id[:12])
        assert "drift of north.face" in await row.inner_text()
        await row.locator("button", has_text="Report").click()
        await expect(bob.locator("#report-text")).to_have_text("# A report")
        await bob.click("#report button")
        await bob.locator("#rollout-actions button", has_text="Confirm").click()
        await bob.wait_for_selector("#rollout-note .state.done", timeout=20_000)
        assert "by ada, confirmed by bob" in await bob.inner_text("#rollout-note")
        await row.locator("button", has_text="Delete").click()
        await bob.wait_for_selector("#candidates-card", state="hidden")
        await browser.close()
    assert errors == []
