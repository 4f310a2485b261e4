"""Login and users pages of a closed aggregator, in a real browser."""

import os
import shutil

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running

from davy.access.roles import Role
from davy_cli.directory import open_directory

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PASSWORD = "a long enough one"


def add_user(folder, name: str, role: Role) -> None:
    with open_directory(folder, "") as directory:
        directory.put_user(name, role, PASSWORD)


async def sign_in(page, name: str, password: str = PASSWORD) -> None:
    await page.fill("#name", name)
    await page.fill("#password", password)
    await page.click("#submit")


async def picture(page, name: str) -> None:
    if folder := os.environ.get("DAVY_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png")


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_people_sign_in_and_an_administrator_adds_a_user_and_a_token(tmp_path):
    from playwright.async_api import async_playwright

    add_user(tmp_path, "ada", Role.ADMIN)
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = await browser.new_page(viewport={"width": 1280, "height": 760})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: dialog.accept())
        await page.goto(f"{aggregator.http}/users")
        await page.wait_for_url("**/login?next=*")
        await picture(page, "login")
        await sign_in(page, "ada", "a wrong password")
        await page.wait_for_selector("text=the name or the password is wrong")
        await sign_in(page, "ada")
        await page.wait_for_url("**/users")
        await page.wait_for_selector("text=Sign out")
        await page.fill("#user-name", "vera")
        await page.select_option("#user-role", "viewer")
        await page.fill("#user-password", PASSWORD)
        await page.click("text=Add user")
        await page.wait_for_selector("#users tr >> nth=1")
        await page.fill("#token-name", "grafana")
        await page.select_option("#token-role", "monitor")
        await page.click("text=Make token")
        await page.wait_for_selector("#secret:visible")
        token = await page.inner_text("#secret-text")
        await picture(page, "users")
        await page.set_viewport_size({"width": 400, "height": 800})
        await picture(page, "users-narrow")
        await page.set_viewport_size({"width": 1280, "height": 760})
        metrics = await aggregator.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert metrics.status_code == 200
        await page.click("text=Sign out")
        await page.wait_for_url("**/login?next=*")
        await page.goto(f"{aggregator.http}/")
        await sign_in(page, "vera")
        await page.wait_for_selector(".tile")
        await page.locator("#nav summary").click()
        await page.locator("#nav a[href='/edges']").wait_for()
        assert not await page.locator("#nav a[href='/users']").is_visible()
        await picture(page, "console-viewer")
        refused = await page.request.get(f"{aggregator.http}/v1/users")
        assert refused.status == 403
        with open_directory(tmp_path, "") as directory:
            directory.put_user("vera", None, None, disabled=True)
        await page.wait_for_url("**/login?next=*", timeout=30_000)  # the live stream ends with the session
        await browser.close()
    assert errors == []
