"""The strip and the pages of alarms and events, in a real browser."""

import re

import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, push, running, until, with_rules
from tests.davy_aggregator.rest.test_events import report
from tests.fixtures.chromium import chromium, needs_chromium, shoot

from davy.access.roles import Role
from davy_cli.directory import open_directory

pytestmark = [needs_chromium, pytest.mark.system]
QUIET = {
    kind: {"enabled": False} for kind in ("service-degraded", "camera-offline", "camera-stale", "edge-offline", "disk-low")
}
ROOF = {"kind": "roof-fall", "severity": 3, "camera": "face", "message": "rock moves above the face"}
PERSON = {"kind": "person-in-zone", "severity": 3, "camera": "face", "message": "a person is at the belt drive"}
SIZES = ((1366, 768), pytest.param(1920, 1080, marks=pytest.mark.slow), (390, 844))


def quiet_site():
    """A site whose absent broker, cache and cameras raise no alarms: the tests raise their own."""
    return with_rules(make_site(), QUIET)


async def more(aggregator, start: int, *events):
    """Report events whose sequence numbers begin at start."""
    from davy.v1 import ingest_pb2

    wires = [
        ingest_pb2.Event(site="mine", edge="north", boot_id="b1", seq=seq, occurred_ns=10**18 + seq, **fields)
        for seq, fields in enumerate(events, start)
    ]
    requests = (ingest_pb2.ReportEventsRequest(event=each) for each in wires)
    assert [ack async for ack in aggregator.ingest.ReportEvents(requests)]


async def text_of(page, selector: str) -> str:
    return await page.locator(selector).first.inner_text()


async def test_p10_an_alarm_is_answered_by_keyboard_and_none_is_lost_or_doubled_over_restarts(tmp_path):
    """Raise, restart the aggregator and the browser, acknowledge by keyboard, restart both again."""
    settings = make_settings(tmp_path, port=pick_port())
    async with running(settings, quiet_site()) as aggregator, chromium(viewport={"width": 1366, "height": 768}) as context:
        page = await context.new_page()
        await page.goto(f"{aggregator.http}/")
        await more(aggregator, 1, ROOF, {"kind": "spool-full", "severity": 3, "message": "the disk of edge north is full"})
        await page.wait_for_selector("#alarms[data-worst=alarm]")
        await until(lambda: _contains(page, "2 alarms unanswered"))
        assert context.errors == []
    async with running(settings, quiet_site()) as aggregator, chromium(viewport={"width": 1366, "height": 768}) as context:
        page = await context.new_page()
        await page.goto(f"{aggregator.http}/edges")  # every page shows them
        await page.wait_for_selector("#alarms[data-worst=alarm]")
        await until(lambda: _contains(page, "2 alarms unanswered"))
        assert (await page.title()).startswith("(2) ")
        lead = await page.locator("#alarms .alarm-lead [data-alarm]").get_attribute("data-alarm")
        await page.keyboard.press("a")
        await page.wait_for_selector(".alarm-dialog[open]")
        await page.keyboard.type("Bob looks at it")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".alarm-dialog[open]", state="detached")
        await until(lambda: _contains(page, "1 alarm unanswered"))
        assert context.errors == []
    async with running(settings, quiet_site()) as aggregator, chromium(viewport={"width": 1366, "height": 768}) as context:
        page = await context.new_page()
        await page.goto(f"{aggregator.http}/alarms")
        await until(lambda: _contains(page, "1 alarm unanswered"))
        await page.wait_for_selector("#changes tr >> nth=3")
        history = (await aggregator.get("/v1/alarms/history")).json()["changes"]
        raised = [each["alarm"] for each in history if each["transition"] == "raised"]
        assert sorted(raised) == ["roof-fall:north.face", "spool-full:north"]
        (answer,) = [each for each in history if each["transition"] == "acknowledged"]
        assert (answer["alarm"], answer["words"]) == (lead, "Bob looks at it")
        journal = (await aggregator.get("/v1/journal", params={"operation": "acknowledge"})).json()["entries"]
        assert [each["answer"] for each in journal] == ["200"]
        assert context.errors == []


async def _contains(page, text: str) -> bool:
    return text in await text_of(page, "#alarms")


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_a_flood_is_a_few_rows_and_nothing_is_cut(tmp_path, width, height):
    async with (
        running(make_settings(tmp_path), quiet_site()) as aggregator,
        chromium(viewport={"width": width, "height": height}) as context,
    ):
        flood = [{**ROOF, "camera": f"cam-{number}"} for number in range(120)]
        others = [{"kind": f"fault-{number}", "severity": 3, "message": "a cable broke"} for number in range(3)]
        await report(aggregator, *flood, *others)
        await push(aggregator, envelope(1))
        page = await context.new_page()
        await page.goto(f"{aggregator.http}/")
        await until(lambda: _contains(page, "123 alarms unanswered"), 20)
        await shoot(page, f"alarm-strip-{width}")
        await page.keyboard.press("l")
        await page.wait_for_selector("#alarm-list .group")
        rows = page.locator("#alarm-list > li")
        assert await rows.count() == 4
        assert "× 120" in await rows.filter(has_text="×").inner_text()
        await page.locator("#alarm-list .fold").click()
        await page.wait_for_selector("#alarm-list .inner li >> nth=119")
        await shoot(page, f"alarm-list-{width}")
        box = await page.locator("#alarms").bounding_box()
        assert box["y"] == 0, "it is not above everything"
        assert box["x"] + box["width"] <= width
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert await page.evaluate(fits), "the page scrolls sideways"
        for path in ("alarms", "events"):
            await page.goto(f"{aggregator.http}/{path}")
            await page.wait_for_selector("#now li, #list li")
            await page.wait_for_timeout(300)
            await shoot(page, f"{path}-{width}")
            assert await page.evaluate(fits), f"{path} scrolls sideways"
        assert context.errors == []


async def test_an_operator_answers_and_a_viewer_sees_no_buttons(tmp_path):
    async with running(make_settings(tmp_path, access="closed"), quiet_site()) as aggregator:
        with open_directory(tmp_path, "") as directory:
            for name, role in (("vera", Role.VIEWER), ("otto", Role.OPERATOR)):
                directory.put_user(name, role, "a long enough one")
            _, token = directory.add_token("north", Role.EDGE, "north", 1, "test")
        from davy.v1 import ingest_pb2

        event = ingest_pb2.Event(site="mine", edge="north", boot_id="b1", seq=1, occurred_ns=10**18, **ROOF)
        call = aggregator.ingest.ReportEvents(
            iter([ingest_pb2.ReportEventsRequest(event=event)]), metadata=[("authorization", f"Bearer {token}")]
        )
        assert [ack async for ack in call]
        for name, count in (("vera", 0), ("otto", 2)):
            async with chromium(viewport={"width": 1366, "height": 768}) as context:
                page = await context.new_page()
                await page.goto(f"{aggregator.http}/")
                await page.fill("#name", name)
                await page.fill("#password", "a long enough one")
                await page.click("#submit")
                await page.wait_for_selector("#alarms[data-worst=alarm]")
                await page.wait_for_selector("#me .who")
                visible = page.locator("#alarms .alarm-lead button:visible")
                await until(lambda visible=visible, count=count: _is(visible, count))
                await page.keyboard.press("s")
                assert await page.locator(".alarm-dialog").count() == (1 if count else 0)
        await page_closed(aggregator)


async def page_closed(aggregator) -> None:
    assert (await aggregator.get("/healthz")).status_code == 200


async def _is(locator, count: int) -> bool:
    return await locator.count() == count


async def test_a_screen_reader_hears_a_new_alarm_and_a_shelved_one_comes_back(tmp_path):
    async with running(make_settings(tmp_path), quiet_site()) as aggregator, chromium() as context:
        page = await context.new_page()
        await page.goto(f"{aggregator.http}/alarms")
        await page.wait_for_selector("#no-alarms:visible")
        await report(aggregator, PERSON)
        said = page.locator("#alarms [aria-live=assertive]")
        await until(lambda: _says(said, "a person is at the belt drive"))
        await page.keyboard.press("s")
        await page.select_option(".alarm-dialog select", "300")
        await page.fill(".alarm-dialog input", "the belt is stopped for repair")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#alarms[hidden]", state="attached")
        await page.select_option("#show", "hidden")
        row = page.locator("#now [data-alarm^=person]")
        assert "the belt is stopped for repair" in await row.inner_text()
        await row.get_by_role("button", name="Unshelve").click()
        await page.wait_for_selector("#alarms:not([hidden])")
        assert context.errors == []


async def _says(said, text: str) -> bool:
    return text in (await said.text_content() or "")


async def test_an_engineer_changes_a_rule_in_the_page(tmp_path):
    async with running(make_settings(tmp_path), make_site()) as aggregator, chromium() as context:
        page = await context.new_page()
        await page.goto(f"{aggregator.http}/alarms")
        row = page.locator("tr[data-rule=lens-blocked]")
        await row.locator("[name=on_delay_s]").fill("7.5")
        await row.locator("[name=severity]").select_option("warning")
        await page.fill("#why", "dust in the morning")
        await page.click("#rules button.go")
        await page.wait_for_selector("tr.changed[data-rule=lens-blocked]")
        found = (await aggregator.get("/v1/alarm-rules")).json()
        changed = {name: value for name, value in found["rules"]["rules"]["lens-blocked"].items() if value is not None}
        assert changed == {"on_delay_s": 7.5, "severity": "warning"}
        assert found["why"] == "dust in the morning"
        assert context.errors == []


async def test_events_are_searched_in_the_page_and_motion_is_hidden(tmp_path):
    async with running(make_settings(tmp_path), quiet_site()) as aggregator, chromium() as context:
        motion = {"kind": "motion", "severity": 1, "camera": "face", "message": "motion in view"}
        await report(
            aggregator, *[motion] * 5, ROOF, {"kind": "person", "severity": 1, "camera": "belt", "message": "a person"}
        )
        page = await context.new_page()
        await page.goto(f"{aggregator.http}/events")
        await page.wait_for_selector("#list li >> nth=1")
        assert await page.locator("#list li").count() == 2
        await page.check("#motion")
        await page.click("#filter .go")
        await page.wait_for_selector("#list li >> nth=6")
        await page.fill("#text", "ROCK")
        await page.click("#filter .go")
        await until(lambda: _is(page.locator("#list li"), 1))
        assert re.search(r"text=ROCK", page.url)
        await page.reload()
        await until(lambda: _is(page.locator("#list li"), 1))
        exported = await (await context.request.get(f"{aggregator.http}{await page.get_attribute('#json', 'href')}")).json()
        assert [each["kind"] for each in exported] == ["roof-fall"]
        assert (await page.get_attribute("#list a", "href")).startswith("/?camera=north.face&at=")
        assert context.errors == []
