"""Configurations over REST: a real aggregator, a real broker, an edge that talks."""

import asyncio

import pytest
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, push, running, until
from tests.fixtures.config_edge import ConfigEdge, talking

from davy.twin.configuration import ReportedConfig

pytestmark = pytest.mark.system

NORTH = {"cameras": {"face": {"source": "mine://face"}, "belt": {"source": "rtsp://admin:s3cret@10.1.0.7/a"}}}


def site_of(broker: str = "mqtt://127.0.0.1:9"):
    return make_site(broker, north=NORTH)


def edge_of(**more) -> ConfigEdge:
    return ConfigEdge(site_of().edges["north"], **more)


async def view(aggregator) -> dict:
    return (await aggregator.get("/v1/edges/north/config")).json()


async def change(aggregator, if_match: str = "", **cameras) -> "httpx.Response":  # noqa: F821
    now = (await view(aggregator))["desired"]["config"]
    for name, fields in cameras.items():
        if fields is None:
            del now["cameras"][name]
        else:
            now["cameras"][name] = {**now["cameras"].get(name, {}), **fields}
    headers = {"If-Match": if_match} if if_match else {}
    body = {"config": now, "who": "Marie", "why": "too bright"}
    return await aggregator.client.put("/v1/edges/north/config", json=body, headers=headers)


async def test_before_any_decision_site_yaml_is_desired(tmp_path):
    async with running(make_settings(tmp_path), site_of()) as aggregator:
        answer = await aggregator.get("/v1/edges/north/config")
        found = answer.json()
        assert answer.headers["etag"] == f'"{found["desired"]["id"]}"'
        assert (found["desired"]["epoch"], found["desired"]["who"], found["online"]) == (0, "site.yaml", False)
        assert "s3cret" not in answer.text
        assert (await aggregator.get("/v1/edges/nowhere/config")).status_code == 404


async def test_a_change_reaches_the_edge_and_its_answer_is_shown(mosquitto, tmp_path):
    edge = edge_of()
    async with running(make_settings(tmp_path), site_of(mosquitto.endpoint)) as aggregator:
        async with talking(mosquitto.endpoint, "mine", edge):
            await until(lambda: _is(aggregator, state="applied"))
            answer = await change(aggregator, face={"strength": 0.5})
            assert answer.status_code == 200, answer.text
            assert answer.json()["state"] in ("waiting", "applied")
            await until(lambda: _is(aggregator, state="applied", differs=[], online=True))
        assert [desired.epoch for desired in edge.received] == [1]
        sent = edge.received[0].config["cameras"]
        assert (sent["face"]["strength"], sent["belt"]["source"]) == (0.5, "rtsp://admin:s3cret@10.1.0.7/a")
        events = (await aggregator.get("/v1/events")).json()["events"]
        assert next(event["message"] for event in events if event["kind"] == "config-changed").endswith("by Marie: too bright")


async def _is(aggregator, **expected) -> bool:
    found = await view(aggregator)
    return {name: found[name] for name in expected} == expected


async def test_a_rejected_configuration_is_shown_with_the_running_one(mosquitto, tmp_path):
    edge = edge_of(refuses="cameras: 2 cameras exceed the limit of 1")
    async with (
        running(make_settings(tmp_path), site_of(mosquitto.endpoint)) as aggregator,
        talking(mosquitto.endpoint, "mine", edge),
    ):
        await until(lambda: _is(aggregator, state="applied"))
        await change(aggregator, face={"fps": 5})
        await until(lambda: _is(aggregator, state="rejected", reason=edge.refuses))
        found = await view(aggregator)
    assert found["differs"] == [{"field": "cameras.face.fps", "desired": 5.0, "reported": 10.0}]


@pytest.mark.parametrize(
    ("face", "pointer"),
    [({"fps": -1}, "fps"), ({"strengh": 1}, "strengh"), ({"source": "gopher://a"}, "source"), ({"quality": 10}, "quality")],
)
async def test_an_error_names_its_field(tmp_path, face, pointer):
    async with running(make_settings(tmp_path), site_of()) as aggregator:
        answer = await change(aggregator, face=face)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert answer.json()["errors"][0]["pointer"] == f"#/config/cameras/face/{pointer}"
        assert (await view(aggregator))["desired"]["epoch"] == 0


async def test_a_password_goes_to_no_other_address_and_an_edge_stays_of_its_kind(tmp_path):
    async with running(make_settings(tmp_path), site_of()) as aggregator:
        answer = await change(aggregator, belt={"source": "rtsp://***@10.6.6.6/a"})
        assert (answer.status_code, "cameras.belt.source" in answer.json()["detail"]) == (422, True)
        body = {"config": {"enhance": "pool", "cameras": {"face": {"source": "mine://face"}}}}
        answer = await aggregator.client.put("/v1/edges/north/config", json=body)
        assert (answer.status_code, "enhance" in answer.json()["detail"]) == (422, True)


async def test_concurrent_changes_conflict(tmp_path):
    async with running(make_settings(tmp_path), site_of()) as aggregator:
        tag = (await aggregator.get("/v1/edges/north/config")).headers["etag"]
        first = await change(aggregator, tag, face={"fps": 5})
        second = await change(aggregator, tag, face={"fps": 6})
        assert (first.status_code, second.status_code) == (200, 412)
        assert "it changed meanwhile" in second.json()["detail"]
        assert (await change(aggregator, first.headers["etag"], face={"fps": 6})).status_code == 200


async def test_history_has_author_and_reason_and_allows_rollback(tmp_path):
    async with running(make_settings(tmp_path), site_of()) as aggregator:
        for fps in (5, 6):
            assert (await change(aggregator, face={"fps": fps})).status_code == 200
        history = (await aggregator.get("/v1/edges/north/config/history")).json()["history"]
        assert [(each["epoch"], each["who"], each["why"]) for each in history] == [
            (2, "Marie", "too bright"),
            (1, "Marie", "too bright"),
            (0, "site.yaml", ""),
        ]
        assert [each["previous"] for each in history[:2]] == [each["id"] for each in history[1:]]
        path = "/v1/edges/north/config/rollback"
        back = (await aggregator.client.post(path, json={"who": "Pierre"})).json()["desired"]
        assert (back["epoch"], back["id"], back["why"]) == (3, history[1]["id"], f"back to {history[1]['id'][:12]}")
        first = (await aggregator.client.post(path, json={"to": history[2]["id"][:8]})).json()["desired"]
        assert (first["epoch"], first["id"], first["who"]) == (4, history[2]["id"], "127.0.0.1")
        missing = await aggregator.client.post(path, json={"to": "f" * 64})
        assert (missing.status_code, "see its history" in missing.json()["detail"]) == (404, True)


async def test_decisions_are_on_disk_and_republished_to_an_empty_broker(mosquitto, tmp_path):
    edge = edge_of()
    async with running(make_settings(tmp_path), site_of(mosquitto.endpoint)) as aggregator:
        await change(aggregator, face={"fps": 5})
    mosquitto.kill()
    mosquitto.start()  # it keeps nothing
    async with running(make_settings(tmp_path), site_of(mosquitto.endpoint)) as aggregator:
        async with talking(mosquitto.endpoint, "mine", edge):
            await until(lambda: _is(aggregator, state="applied"))
        assert (await view(aggregator))["desired"]["epoch"] == 1
    assert edge.reported.config["cameras"]["face"]["fps"] == 5.0


async def test_an_edge_with_a_higher_epoch_gets_one_above_it(mosquitto, tmp_path):
    """As after the aggregator's disk was lost and restored from an older copy."""
    edge = edge_of()
    edge.reported = edge.reported.model_copy(update={"epoch": 40})
    async with (
        running(make_settings(tmp_path), site_of(mosquitto.endpoint)) as aggregator,
    ):
        await change(aggregator, face={"fps": 5})
        async with talking(mosquitto.endpoint, "mine", edge):
            await until(lambda: _is(aggregator, state="applied"))
        assert (await view(aggregator))["desired"]["epoch"] == 41
        await change(aggregator, face={"fps": 6})
        assert (await view(aggregator))["desired"]["epoch"] == 42


async def test_frames_of_an_added_camera_are_taken_and_late_ones_of_a_removed_camera_end_no_stream(mosquitto, tmp_path):
    edge = edge_of()
    async with (
        running(make_settings(tmp_path), site_of(mosquitto.endpoint)) as aggregator,
        talking(mosquitto.endpoint, "mine", edge),
    ):
        await until(lambda: _is(aggregator, state="applied"))
        await change(aggregator, shaft={"source": "mine://gallery", "label": "The shaft"}, belt=None)
        await until(lambda: _is(aggregator, state="applied", differs=[]))
        given = await push(aggregator, envelope(1, "north/shaft"), envelope(1, "north/belt"), envelope(2, "north/face"))
        assert len(given) == 4  # the window and one for each
        cameras = {each["camera"]: each["label"] for each in (await aggregator.get("/v1/cameras")).json()["cameras"]}
    assert cameras == {"face": "face", "shaft": "The shaft"}


async def test_a10_a_page_of_another_origin_changes_nothing(tmp_path):
    async with running(make_settings(tmp_path), site_of()) as aggregator:
        headers = {"Origin": "http://evil.example"}
        body = {"config": NORTH}
        assert (await aggregator.client.put("/v1/edges/north/config", json=body, headers=headers)).status_code == 403
        assert (await aggregator.client.post("/v1/edges/north/config/rollback", json={}, headers=headers)).status_code == 403


async def test_a_foreign_report_is_rejected(mosquitto, tmp_path):
    edge = edge_of()
    edge.reported = ReportedConfig.model_construct(epoch=3, config={"cameras": {"NOT AN ID": {}}})
    async with (
        running(make_settings(tmp_path), site_of(mosquitto.endpoint)) as aggregator,
        talking(mosquitto.endpoint, "mine", edge),
    ):
        await until(lambda: _is(aggregator, online=True))
        await asyncio.sleep(0.2)
        assert (await view(aggregator))["reported"]["epoch"] == 0
