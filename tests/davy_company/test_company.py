"""The company view over two real aggregators of two sites."""

import asyncio
import os
import re
import time
from unittest.mock import patch

import pytest
from playwright.async_api import expect
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, push, running, until
from tests.davy_company.conftest import company_of
from tests.fixtures.chromium import chromium, needs_chromium, shoot, violations

from davy.access.roles import Role
from davy.domain.errors import ConfigError
from davy.v1.ingest_pb2 import Event, ReportEventsRequest
from davy_cli.directory import open_directory
from davy_company.config import SiteAddress

pytestmark = pytest.mark.system

CAMERA = {"source": "mine://face"}


def site(name: str, **cameras):
    return make_site(north={"cameras": cameras or {"face": CAMERA}}).model_copy(update={"site": name})


async def raise_alarm(aggregator, name: str, message: str) -> None:
    fields = {"site": name, "edge": "north", "boot_id": "b", "seq": 1, "occurred_ns": time.time_ns(), "severity": 3}
    event = Event(**fields, kind="roof-fall", message=message)
    _ = [ack async for ack in aggregator.ingest.ReportEvents(iter([ReportEventsRequest(event=event)]))]


async def view(client, name: str) -> dict:
    return next(each for each in (await client.get("/v1/sites")).json()["sites"] if each["name"] == name)


async def test_a_site_that_dies_is_unreachable_with_its_last_figures_and_comes_back(tmp_path):
    port = pick_port()
    east, west = site("east"), site("west", face=CAMERA, belt=CAMERA)
    async with running(make_settings(tmp_path / "east"), east) as first:
        sites = {"east": {"aggregator": first.http}, "west": {"aggregator": f"http://127.0.0.1:{port}"}}
        async with company_of(sites, tmp_path) as client:
            await until(lambda: _is(client, "west", "unreachable"))
            assert (await view(client, "west"))["answered_at"] is None
            async with running(make_settings(tmp_path / "west", port=port), west) as second:
                await push(second, envelope(1, site="west"))
                await until(lambda: _live(client, "west", 1))
                await raise_alarm(second, "west", "rock on the belt")
                await until(lambda: _count(client, 1))
            await until(lambda: _is(client, "west", "unreachable"))
            lost = await view(client, "west")
            assert (lost["cameras"], lost["live"], lost["site"]) == (2, 1, "west")
            assert lost["answered_at"] and str(port) in lost["reason"]
            assert (await view(client, "east"))["state"] in ("ready", "degraded")  # the other site is not held up
            readiness = (await client.get("/readyz")).json()
            assert readiness["status"] == "degraded" and list(readiness["unreachable"]) == ["west"]
            metrics = (await client.get("/metrics")).text
            assert 'davy_company_site_reachable{site="west"} 0.0' in metrics
            assert not re.search(r'davy_company_cameras\{site="west"\}', metrics)
            async with running(make_settings(tmp_path / "west", port=port), west):
                await until(lambda: _is(client, "west", "ready", "degraded"))
            (alarm,) = [each for each in (await client.get("/v1/alarms")).json()["alarms"] if each["title"]][:1]
            assert (alarm["site"], alarm["severity"]) == ("west", "alarm")


async def _is(client, name: str, *states: str) -> bool:
    return (await view(client, name))["state"] in states


async def _live(client, name: str, count: int) -> bool:
    return (await view(client, name))["live"] == count


async def _count(client, count: int) -> bool:
    return (await client.get("/v1/alarms")).json()["unanswered"] >= count


async def test_a_site_that_hangs_is_unreachable_and_holds_up_no_other(tmp_path):
    async def swallow(reader, writer):
        await reader.read()
        writer.close()

    async with (
        await asyncio.start_server(swallow, "127.0.0.1", 0) as hanging,
        running(make_settings(tmp_path), site("east")) as aggregator,
    ):
        port = hanging.sockets[0].getsockname()[1]
        sites = {"hangs": {"aggregator": f"http://127.0.0.1:{port}"}, "east": {"aggregator": aggregator.http}}
        async with company_of(sites, tmp_path, timeout_s=0.3) as client:
            await until(lambda: _is(client, "hangs", "unreachable"))
            assert "within 0.3 s" in (await view(client, "hangs"))["reason"]
            await until(lambda: _is(client, "east", "ready", "degraded"))


async def test_each_site_is_asked_with_its_own_token_and_people_sign_in_at_the_directory(tmp_path):
    async with running(make_settings(tmp_path / "east", access="closed"), site("east")) as aggregator:
        with open_directory(tmp_path / "east", "") as directory:
            _, own = directory.add_token("company", Role.COMPANY, "", 1, "test")
            _, viewer = directory.add_token("ada", Role.VIEWER, "", 1, "test")
            _, edge = directory.add_token("north", Role.EDGE, "north", 1, "test")
        (tmp_path / "token").write_text(own)
        (tmp_path / "wrong").write_text(edge)
        east = {"aggregator": aggregator.http, "token_file": str(tmp_path / "token")}
        sites = {"east": east, "refused": east | {"token_file": str(tmp_path / "wrong")}}
        with patch.dict(os.environ, {"DAVY_TOKEN": own}):
            async with company_of(sites, tmp_path, access="closed", directory=aggregator.http) as client:
                assert (await client.get("/v1/sites")).status_code == 401
                client.headers["Authorization"] = f"Bearer {edge}"
                assert (await client.get("/v1/sites")).status_code == 403
                client.headers["Authorization"] = f"Bearer {viewer}"
                await until(lambda: _is(client, "east", "ready", "degraded"))
                await until(lambda: _is(client, "refused", "unreachable"))
                assert "view" in (await view(client, "refused"))["reason"]


def test_an_address_with_a_password_or_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="http"):
        SiteAddress(aggregator="grpc://127.0.0.1:50051").connect()


@needs_chromium
async def test_the_page_shows_sites_and_urgent_alarms_and_says_when_nobody_answers(tmp_path):
    async with (
        running(make_settings(tmp_path / "east"), site("east")) as east,
        running(make_settings(tmp_path / "west"), site("west", face=CAMERA, belt=CAMERA)) as west,
        chromium(viewport={"width": 1366, "height": 768}) as browser,
    ):
        await push(west, envelope(1, site="west"))
        await raise_alarm(west, "west", "rock on the belt")
        sites = {name: {"aggregator": each.http} for name, each in {"east": east, "west": west}.items()}
        sites["south"] = {"aggregator": "http://127.0.0.1:9"}
        page = await browser.new_page()
        async with company_of(sites, tmp_path) as client:
            await page.goto(str(client.base_url))
            await expect(page.locator(".site")).to_have_count(3)
            await expect(page.locator("[data-site=south]")).to_have_class("site unreachable")
            row = page.locator("#alarms tr").filter(has_text="rock on the belt")
            await expect(row).to_contain_text("west")
            await expect(row.locator("a")).to_have_attribute("href", f"{west.http}/alarms")
            await expect(page.locator("#company")).to_have_text("north-coal")
            for size in ({"width": 1366, "height": 768}, {"width": 390, "height": 844}):
                await page.set_viewport_size(size)
                assert await violations(page) == []
                await until(lambda wide=size["width"]: _fits(page, wide))
                await shoot(page, f"company-{size['width']}")
        await expect(page.locator("#banner")).to_be_visible(timeout=10_000)


async def _fits(page, width: int) -> bool:
    return await page.evaluate("() => document.documentElement.scrollWidth") <= width
