"""What people of each role see on the pages of a closed aggregator, in a real browser."""

import re
import shutil
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, picture, running
from tests.fixtures.packages import good_package, trust

from davy.access.roles import Permission, Role
from davy.adapters.access.directory import Directory
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.sample_store import SampleStore
from davy.domain.sample import SampleRecord

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
STATIC = Path(__file__).parents[3] / "services" / "davy_aggregator" / "static"
PASSWORD = "a long password"
LOADED = {
    "models": "#models tr td.figure",
    "edges": "#edges tbody tr[data-camera]",
    "samples": "#shots .shot",
    "": "#grid",
}


@asynccontextmanager
async def closed_site(folder):
    """A closed aggregator with a model and a sample; its people have their role's name."""
    trust().save(folder / "keys" / "trust.json")
    async with running(make_settings(folder, access="closed"), make_site()) as aggregator:
        database = open_database(folder)
        directory = Directory(AccessStore(database), "mine", 60)
        for role in (Role.VIEWER, Role.OPERATOR, Role.ENGINEER):
            directory.put_user(role, role, PASSWORD)
        _, token = directory.add_token("test", Role.ENGINEER, "", 1, "test")
        SampleStore(database, 10**9, 1000).add(sample())
        database.close()
        headers = {"Authorization": f"Bearer {token}"}
        answer = await aggregator.client.post("/v1/models", content=good_package().data, headers=headers, timeout=30)
        assert answer.status_code == 201
        yield aggregator


def sample() -> SampleRecord:
    return SampleRecord(
        site="mine",
        edge="north",
        boot_id="b1",
        seq=1,
        camera="north.face",
        captured_ns=time.time_ns(),
        reason="dark",
        width=320,
        height=180,
        mean=30.0,
        dhash=bytes(8),
        jpeg=picture(),
    )


async def controls(page) -> set[str]:
    """The permissions of the controls that can be used."""
    return set(
        await page.evaluate(
            """() => [...document.querySelectorAll("main [data-needs]")]
                .filter((each) => !each.closest("[hidden]") && !each.disabled && each.checkVisibility())
                .map((each) => each.dataset.needs)"""
        )
    )


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)")
@pytest.mark.system
async def test_each_role_sees_exactly_the_controls_that_it_may_use(tmp_path):
    from playwright.async_api import async_playwright

    wanted = {
        Role.VIEWER: {},
        Role.OPERATOR: {"edges": {"adjust"}},
        Role.ENGINEER: {"models": {"roll-out"}, "edges": {"adjust", "configure"}, "samples": {"curate", "read-samples"}},
    }
    async with closed_site(tmp_path) as aggregator, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for role, of_page in wanted.items():
            context = await browser.new_context(base_url=aggregator.http)
            signed_in = await context.request.post("/v1/session", data={"name": role, "password": PASSWORD})
            assert signed_in.ok, await signed_in.text()
            page = await context.new_page()
            for name, loaded in LOADED.items():
                await page.goto(f"/{name}")
                await page.wait_for_selector(f"html[data-role={role}]")
                await page.wait_for_selector(loaded, state="attached")
                assert await controls(page) == of_page.get(name, set()), f"{role} on /{name}"
            await context.close()
        await browser.close()


def test_data_needs_names_permissions_only():
    named = set()
    for path in STATIC.iterdir():
        if path.suffix in (".html", ".js"):
            named |= set(re.findall(r'data-needs="([^"]+)"', path.read_text(encoding="utf-8")))
    assert named <= set(Permission)
    assert "configure" in named
