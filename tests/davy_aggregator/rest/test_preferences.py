"""The console's words and settings by user, in a real browser."""

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until, with_rules
from tests.davy_aggregator.rest.test_alarms_page import QUIET, more
from tests.davy_aggregator.rest.test_screen import bearer
from tests.fixtures.chromium import chromium, needs_chromium, shoot

from davy.access.roles import Role
from davy.domain.alarm_targets import AlarmsConfig

pytestmark = pytest.mark.system

BLOCKED = {"kind": "lens-blocked", "severity": 3, "camera": "face", "message": "the lens is covered, or there is no light"}
ZONE = {"kind": "crowd", "severity": 3, "camera": "face", "message": "7 people in zone sump; at most 4 are allowed"}
OWN = {"lens-dirty": {"title": "Clean me", "on_delay_s": 0}, "lens-blocked": {"on_delay_s": 0}}


async def test_every_user_has_settings_of_their_own_and_a_wrong_language_is_refused(tmp_path):
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator:
        ada, bob = bearer(tmp_path, Role.VIEWER), bearer(tmp_path, Role.ENGINEER)
        empty = {"language": "", "mode": "", "sound": None}
        chosen = {"language": "pl", "mode": "split", "sound": False}
        assert (await aggregator.client.put("/v1/preferences", json=chosen, headers=ada)).json() == chosen
        assert (await aggregator.get("/v1/preferences", headers=ada)).json() == chosen
        assert (await aggregator.get("/v1/preferences", headers=bob)).json() == empty
        assert (await aggregator.get("/v1/layouts", headers=ada)).json() == {"layouts": []}
        wrong = await aggregator.client.put("/v1/preferences", json={"language": "xx"}, headers=ada)
        assert wrong.status_code == 422


@needs_chromium
async def test_alarms_are_read_in_the_user_s_language_which_another_browser_has_too(tmp_path):
    site = with_rules(make_site(), QUIET | OWN, targets={"shift": {"kind": "mqtt"}, "office": {"kind": "mqtt"}})
    async with running(make_settings(tmp_path), site) as aggregator:
        async with chromium(viewport={"width": 1366, "height": 768}, locale="pl-PL") as context:
            page = await context.new_page()
            await page.goto(f"{aggregator.http}/alarms")
            await more(aggregator, 1, BLOCKED, ZONE, {**BLOCKED, "kind": "lens-dirty", "message": "something of its own"})
            row = page.locator("#now [data-alarm='lens-blocked:north.face']")
            await row.wait_for()
            assert "Zasłonięty obiektyw" in await row.inner_text() and "nie ma światła" in await row.inner_text()
            crowd = await page.locator("#now [data-alarm='crowd:north.face']").inner_text()
            assert "osoby w strefie sump: 7; dozwolone najwyżej 4" in crowd
            own = await page.locator("#now [data-alarm='lens-dirty:north.face']").inner_text()
            assert "Clean me" in own and "something of its own" in own  # the site's words stay
            await _add_a_step(page)
            rules = (await aggregator.get("/v1/alarm-rules")).json()
            assert rules["rules"]["escalation"] == [{"after_s": 45.0, "severity": "warning", "to": ["shift"]}]
            await shoot(page, "escalation-pl")
            await page.locator("#nav summary").click()
            await page.locator("#nav select").select_option("es")
            await page.locator("#now", has_text="Lente tapada").wait_for()
            await until(lambda: _language(aggregator, "es"))
            assert context.errors == []
        async with chromium(viewport={"width": 390, "height": 844}, locale="en-GB") as context:
            page = await context.new_page()
            await page.goto(f"{aggregator.http}/alarms")
            await page.locator("#now", has_text="Lente tapada").wait_for()
            await shoot(page, "alarms-es-phone")


async def _add_a_step(page) -> None:
    """A step without a receiver is refused by the field, then stored with one."""
    await page.locator("#add-step").click()
    row = page.locator("#step-rows tr[data-step]")
    await row.locator("[name=after_s]").fill("45")
    await row.locator("[name=severity]").select_option("warning")
    await page.locator("#rules button.go").click()
    assert (
        await row.locator("[name=to]").first.evaluate("box => box.validationMessage") == "Wybierz co najmniej jednego odbiorcę."
    )
    await row.get_by_label("shift").check()
    async with page.expect_response(lambda answer: answer.request.method == "PUT" and "alarm-rules" in answer.url) as saved:
        await page.locator("#rules button.go").click()
    assert (await saved.value).status == 200


async def _language(aggregator, wanted) -> bool:
    return (await aggregator.get("/v1/preferences")).json()["language"] == wanted


def test_a_step_of_escalation_without_a_known_receiver_is_refused():
    with pytest.raises(ValueError, match="no target 'nobody'"):
        AlarmsConfig.model_validate({"escalation": [{"to": ["nobody"]}]})
