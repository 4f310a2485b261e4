"""Every route that needs no run to go on; those that do are in test_runs."""

import grpc
import pytest
from tests.davy_trainer.service.conftest import PROMPTS, serving
from tests.fixtures.chromium import LANGUAGES, chromium, needs_chromium, shoot, violations

from davy.v1 import trainer_pb2, trainer_pb2_grpc

pytestmark = pytest.mark.system


@pytest.fixture
async def service(settings, tmp_path):
    """In reserve: another holds the lease, so runs wait."""
    from davy_trainer.service.lease import Lease

    (tmp_path / "data").mkdir()
    with Lease(tmp_path / "data" / "service.lock") as lease:
        assert lease.acquire()
        async with serving(settings(max_waiting_runs=2)) as found:
            yield found


async def test_a_run_is_kept_listed_and_cancelled_while_it_waits(service):
    answer = await service.client.post(
        "/v1/training-runs", json={"kind": "prompts", "overrides": PROMPTS, "reason": "new lamps"}
    )
    run = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/training-runs/{run['id']}")
    assert (run["state"], run["reason"], run["overrides"], run["sheet"]) == ("waiting", "new lamps", PROMPTS, None)
    assert await service.all() == [run]
    cancelled = (await service.client.post(f"/v1/training-runs/{run['id']}/cancel")).json()
    assert (cancelled["state"], cancelled["message"]) == ("cancelled", "cancelled before it started")
    assert (await service.client.post(f"/v1/training-runs/{run['id']}/cancel")).status_code == 409
    resumed = (await service.client.post(f"/v1/training-runs/{run['id']}/resume")).json()
    assert resumed["state"] == "waiting"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/v1/training-runs", {"kind": "nosuch"}, 422, "kind"),
        ("POST", "/v1/training-runs", {"kind": "prompts", "overrides": {"stepz": 1}}, 422, "stepz"),
        ("POST", "/v1/training-runs", {"kind": "adapt"}, 422, "drifted"),
        ("POST", "/v1/training-runs", {"kind": "prompts", "extra": 1}, 422, "extra"),
        ("GET", "/v1/training-runs/nosuch", None, 404, "nosuch"),
        ("GET", "/v1/training-runs/nosuch/events", None, 404, "nosuch"),
        ("GET", "/v1/training-runs/nosuch/sheet.jpg", None, 404, "nosuch"),
        ("POST", "/v1/training-runs/nosuch/cancel", None, 404, "nosuch"),
        ("POST", "/v1/training-runs/nosuch/resume", None, 404, "nosuch"),
    ],
)
async def test_what_is_wrong_is_a_problem_that_says_so(service, method, path, body, status, text):
    answer = await service.client.request(method, path, json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert text in answer.json()["detail"]


async def test_a10_only_so_many_wait_and_a_page_of_another_origin_begins_none(service):
    for _ in range(2):
        run = await service.start()
    answer = await service.client.post("/v1/training-runs", json={"kind": "prompts"})
    assert (answer.status_code, "2 runs wait" in answer.json()["detail"]) == (409, True)
    assert (await service.client.get(f"/v1/training-runs/{run}/sheet.jpg")).status_code == 404
    foreign = {"origin": "http://elsewhere"}
    assert (await service.client.post("/v1/training-runs", json={"kind": "prompts"}, headers=foreign)).status_code == 403


async def test_health_metrics_schema_and_page(service):
    assert (await service.client.get("/healthz")).json() == {"status": "alive"}
    assert (await service.client.get("/readyz")).json() == {"status": "ready", "active": False, "errors": {}}
    assert "davy_training_active 0.0" in (await service.client.get("/metrics")).text
    assert "/v1/training-runs/{run}/events" in (await service.client.get("/openapi.json")).json()["paths"]
    page = await service.client.get("/", follow_redirects=True)
    assert (page.url.path, "Davy training" in page.text) == ("/training", True)


async def test_grpc_says_the_same(service):
    stub = trainer_pb2_grpc.TrainerServiceStub(service.channel)
    request = trainer_pb2.StartTrainingRunRequest(kind="prompts", overrides_json='{"steps": 5}', reason="why")
    made = (await stub.StartTrainingRun(request)).run
    assert (made.state, made.reason, (await service.get(made.id))["overrides"]) == ("waiting", "why", {"steps": 5})
    assert [run.id for run in (await stub.ListTrainingRuns(trainer_pb2.ListTrainingRunsRequest())).runs] == [made.id]
    assert (await stub.CancelTrainingRun(trainer_pb2.CancelTrainingRunRequest(id=made.id))).run.state == "cancelled"
    watched = [event async for event in stub.WatchTrainingRun(trainer_pb2.WatchTrainingRunRequest(id=made.id))]
    assert [event.run.state for event in watched] == ["cancelled"]
    assert (await stub.ResumeTrainingRun(trainer_pb2.ResumeTrainingRunRequest(id=made.id))).run.state == "waiting"
    assert (await stub.GetTrainingRun(trainer_pb2.GetTrainingRunRequest(id=made.id))).run.id == made.id


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"kind": "x"}, "kind"), ({"kind": "prompts", "overrides_json": "{"}, "overrides_json"),
     ({"kind": "prompts", "overrides_json": '{"steps": -1}'}, "steps")],
)  # fmt: skip
async def test_grpc_refuses_what_is_wrong(service, fields, text):
    with pytest.raises(grpc.aio.AioRpcError, match=text) as refused:
        request = trainer_pb2.StartTrainingRunRequest(**fields)
        await trainer_pb2_grpc.TrainerServiceStub(service.channel).StartTrainingRun(request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@needs_chromium
@pytest.mark.parametrize("language", [pytest.param(each, marks=() if each == "en" else pytest.mark.slow) for each in LANGUAGES])
async def test_axe_finds_nothing_on_the_pages_of_the_trainer(service, language):
    run = await service.start()
    async with chromium(locale=LANGUAGES[language], viewport={"width": 1366, "height": 768}) as browser:
        page = await browser.new_page()
        await page.goto(f"{service.client.base_url}/training")
        await page.locator("#runs tr", has_text=run).wait_for()
        assert await violations(page) == []
        await shoot(page, f"training-{language}")
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await violations(page) == []
        await page.goto(f"{service.client.base_url}/docs")
        await page.locator(".route summary").first.click()
        assert await violations(page) == []
        assert browser.errors == []
