"""A wall without controls for a big screen, signed in by its own link."""

import pytest
from playwright.async_api import expect
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, push, running, until
from tests.fixtures.chromium import chromium, needs_chromium, shoot

from davy.access.roles import Role
from davy.adapters.access.credentials import SESSION_COOKIE
from davy_cli.directory import open_directory

pytestmark = pytest.mark.system

WALL = {"layout": {"columns": 2, "order": ["north.belt", "north.face"]}}


def bearer(folder, role: Role) -> dict[str, str]:
    with open_directory(folder, "") as directory:
        _, secret = directory.add_token(f"a {role}", role, "", 1, "test")
    return {"Authorization": f"Bearer {secret}"}


async def make_wall(aggregator, engineer) -> dict:
    put = await aggregator.client.put("/v1/walls/control-room", json=WALL, headers=engineer)
    assert put.status_code == 200
    made = await aggregator.client.post("/v1/walls/control-room/link", json={"days": 3000}, headers=engineer)
    assert made.status_code == 201
    return made.json()


async def test_an_engineer_makes_walls_and_a_viewer_shows_them(tmp_path):
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator:
        engineer, viewer = bearer(tmp_path, Role.ENGINEER), bearer(tmp_path, Role.VIEWER)
        await make_wall(aggregator, engineer)
        found = await aggregator.get("/v1/walls/control-room", headers=viewer)
        assert found.json()["layout"] | WALL["layout"] == found.json()["layout"]
        for method, path in (
            ("PUT", "/v1/walls/mine"),
            ("DELETE", "/v1/walls/control-room"),
            ("POST", "/v1/walls/control-room/link"),
        ):
            assert (await aggregator.client.request(method, path, json=WALL, headers=viewer)).status_code == 403
        assert (await aggregator.get("/v1/walls/none", headers=viewer)).status_code == 404
        assert (await aggregator.get("/v1/walls/control-room")).status_code == 401


async def test_layouts_belong_to_their_owner(tmp_path):
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator:
        ada, bob = bearer(tmp_path, Role.VIEWER), bearer(tmp_path, Role.ENGINEER)
        await aggregator.client.put("/v1/layouts/belts", json=WALL, headers=ada)
        names = [layout["name"] for layout in (await aggregator.get("/v1/layouts", headers=ada)).json()["layouts"]]
        assert names == ["belts"]
        assert (await aggregator.get("/v1/layouts/belts", headers=bob)).status_code == 404
        assert (await aggregator.client.delete("/v1/layouts/belts", headers=ada)).status_code == 204
        assert (await aggregator.client.delete("/v1/layouts/belts", headers=ada)).status_code == 404


@pytest.mark.parametrize(
    "body", [{"layout": {"columns": 17}}, {"layout": {"order": ["x" * 201]}}, {"layout": {"colour": 1}}, {}]
)
async def test_an_illegal_layout_is_refused(aggregator, body):
    assert (await aggregator.client.put("/v1/layouts/belts", json=body)).status_code == 422
    assert (await aggregator.client.put("/v1/layouts/Not%20legal", json=WALL)).status_code == 422


async def test_a_screen_signs_in_by_a_token_of_a_viewer_alone_until_it_is_revoked(tmp_path):
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator:
        engineer = bearer(tmp_path, Role.ENGINEER)
        made = await make_wall(aggregator, engineer)
        token = made["path"].partition("#token=")[2]
        answer = await aggregator.client.post("/v1/session", json={"token": token})
        assert (answer.status_code, answer.json()["role"], answer.json()["via"]) == (200, "viewer", "token")
        assert f"{SESSION_COOKIE}=" in answer.headers["set-cookie"] and "HttpOnly" in answer.headers["set-cookie"]
        assert "Max-Age=34560000" in answer.headers["set-cookie"]
        assert (await aggregator.get("/v1/site")).status_code == 200
        with open_directory(tmp_path, "") as directory:
            directory.delete_token(made["token"])
        assert (await aggregator.get("/v1/site")).status_code == 401
        aggregator.client.cookies.clear()
        strong = engineer["Authorization"].removeprefix("Bearer ")
        assert (await aggregator.client.post("/v1/session", json={"token": strong})).status_code == 401
        aggregator.client.cookies.set(SESSION_COOKIE, strong)
        assert (await aggregator.get("/v1/site")).status_code == 401, (
            "a cookie, which browsers send by themselves, may only view"
        )


@needs_chromium
async def test_a_screen_opens_its_link_and_survives_a_restart_of_the_aggregator(tmp_path):
    settings, site = make_settings(tmp_path, access="closed", port=pick_port()), make_site()
    async with chromium(viewport={"width": 1280, "height": 720}) as browser:
        page = await browser.new_page()
        async with running(settings, site) as aggregator:
            link = (await make_wall(aggregator, bearer(tmp_path, Role.ENGINEER)))["path"]
            await page.goto(f"{aggregator.http}{link}")
            await page.wait_for_url("**/wall/control-room")
            assert "token" not in page.url
            await expect(page.locator(".tile")).to_have_count(3, timeout=15_000)
            shown = await page.eval_on_selector_all(".tile", "nodes => nodes.map(node => node.dataset.camera)")
            assert shown[:2] == ["north.belt", "north.face"]
            assert await page.locator("button:visible:not(.open), select:visible, input:visible").count() == 0
            await shoot(page, "screen")
        await expect(page.locator("#banner")).to_contain_text("not live", timeout=10_000)
        async with running(settings, site) as again:
            await expect(page.locator("#banner")).to_be_hidden(timeout=20_000)
            headers = bearer(tmp_path, Role.ENGINEER)
            assert (await again.get("/v1/walls/control-room", headers=headers)).status_code == 200
        # nothing but the lost connection is an error
        assert all("WebSocket" in text or "Failed to load resource" in text for text in browser.errors)


@needs_chromium
async def test_a_screen_reads_itself_again_when_the_aggregator_has_a_new_version(tmp_path, monkeypatch):
    from davy_aggregator import site_status

    async with running(make_settings(tmp_path), make_site()) as aggregator, chromium() as browser:
        await aggregator.client.put("/v1/walls/control-room", json=WALL)
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/wall/control-room")
        await expect(page.locator(".tile")).to_have_count(3, timeout=15_000)
        loads: list[str] = []
        page.on("load", lambda _: loads.append("load"))
        monkeypatch.setattr(site_status, "version", lambda _: "99.0")
        await until(lambda: loads, 10)
        await expect(page.locator(".tile")).to_have_count(3, timeout=15_000)
        assert len(loads) == 1


@needs_chromium
async def test_the_pictures_of_a_screen_are_live(tmp_path):
    async with running(make_settings(tmp_path), make_site()) as aggregator, chromium() as browser:
        await aggregator.client.put("/v1/walls/control-room", json=WALL)
        page = await browser.new_page()
        await page.goto(f"{aggregator.http}/wall/control-room")
        seq = 0

        async def live():
            nonlocal seq
            seq += 1
            await push(aggregator, envelope(seq))
            return await page.locator(".tile[data-state=live]").count() == 1

        await until(live, 15)
