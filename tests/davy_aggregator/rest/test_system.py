import pytest
from tests.davy_aggregator.conftest import envelope, push, until

pytestmark = pytest.mark.system


async def test_without_broker_and_store_it_is_degraded_with_reasons(aggregator):
    answer = await until(lambda: aggregator.get("/readyz"))
    assert answer.status_code == 200
    found = answer.json()
    reasons = {each["name"]: each["reason"] for each in found["dependencies"]}
    assert found["status"] == "degraded"
    assert "no MQTT broker at mqtt://127.0.0.1:9" in reasons["broker"]
    assert "no Redis-protocol server at redis://127.0.0.1:9" in reasons["store"]
    assert reasons["archive"] == ""
    assert (await aggregator.get("/healthz")).json() == {"status": "ok"}


async def test_the_site_and_its_edges_in_one_request(aggregator):
    await push(aggregator, envelope(1))
    site = (await aggregator.get("/v1/site")).json()
    assert (site["site"], site["edges"], site["cameras"], site["live"]) == ("mine", 2, 3, 1)
    edges = (await aggregator.get("/v1/edges")).json()["edges"]
    assert [(edge["edge"], edge["status"], edge["cameras"]) for edge in edges] == [
        ("north", "unknown", ["north.face", "north.belt"]),
        ("thin", "unknown", ["thin.cam"]),
    ]
