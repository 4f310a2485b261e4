"""A19 to A22: what an edge with a good token, or an engineer, may still do too much of."""

import time

import grpc
import pytest
from tests.davy_aggregator.samples.test_rpc import sample
from tests.fixtures.scenes import scene
from tests.security.closed import closed_mine

from davy.adapters.media import jpeg
from davy.v1 import ingest_pb2, sample_pb2, sample_pb2_grpc

pytestmark = pytest.mark.system

MANY = 300


@pytest.fixture
async def mine(tmp_path):
    async with closed_mine(tmp_path, archive_max_bytes=300_000, samples_max_count=4) as found:
        yield found
        await found.unharmed()


async def push_samples(mine, who, *samples) -> list[str]:
    stub = sample_pb2_grpc.SampleServiceStub(mine.aggregator.channel)
    requests = (sample_pb2.PushSamplesRequest(sample=each) for each in samples)
    return [answer.outcome async for answer in stub.PushSamples(requests, metadata=mine.metadata(who))]


async def test_a19_samples_of_cameras_that_are_not_there_push_nothing_out(mine):
    assert await push_samples(mine, "south", sample(1, edge="south")) == ["stored"]
    before = len((await mine.get("/metrics")).text)
    picture = jpeg.encode(scene(1))
    invented = (sample(seq, camera=f"c{seq}", jpeg=picture) for seq in range(1, MANY + 1))
    assert await push_samples(mine, "north", *invented) == ["refused"] * MANY
    kept = (await mine.get("/v1/samples", "engineer")).json()["samples"]
    assert [each["camera"] for each in kept] == ["south.face"]
    assert len((await mine.get("/metrics")).text) < before + 2000


async def test_a19_an_edge_s_own_samples_push_out_no_others(mine):
    assert await push_samples(mine, "south", sample(1, edge="south")) == ["stored"]
    await push_samples(mine, "north", *(sample(seq, number=seq) for seq in range(1, 13)))
    kept = (await mine.get("/v1/samples", "engineer")).json()["samples"]
    assert "south.face" in [each["camera"] for each in kept]
    assert len(kept) <= 4


def report(seq: int, edge: str = "north", **changes) -> ingest_pb2.ReportEventsRequest:
    fields = {"site": "mine", "edge": edge, "boot_id": "b1", "seq": seq, "occurred_ns": time.time_ns(), "severity": 3}
    return ingest_pb2.ReportEventsRequest(event=ingest_pb2.Event(**fields | {"kind": "fire", "message": "fire"} | changes))


async def send_reports(mine, who, *requests) -> int:
    call = mine.aggregator.ingest.ReportEvents(iter(requests), metadata=mine.metadata(who))
    return [answer.seq async for answer in call][-1]


async def test_a20_a_false_alarm_needs_the_token_of_its_edge(mine):
    for who in ("south", "viewer", "admin"):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await send_reports(mine, who, report(1, message="fire\r\n\x1b[31m<b>run</b>"))
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert (await mine.get("/v1/events?kind=fire")).json()["events"] == []
    attempts = [each for each in await journal_of(mine) if "ReportEvents" in each["operation"]]
    assert {each["who"]: each["answer"] for each in attempts} == dict.fromkeys(
        ("south", "viewer", "admin"), "PERMISSION_DENIED"
    )
    assert "speak for edge north" in next(each["target"] for each in attempts if each["who"] == "south")


async def journal_of(mine) -> list[dict]:
    found = (await mine.get("/v1/journal", "admin")).json()["entries"]
    assert found
    return found


async def test_a21_a_flood_of_events_leaves_the_journal_and_the_events_of_others(mine):
    config = {"config": {"cameras": {"face": {"source": "http://10.0.0.7/face", "fps": 5}}}, "why": "a new camera"}
    path = "/v1/edges/south/config"
    assert (await mine.aggregator.client.put(path, json=config, headers=mine.headers("engineer"))).status_code == 200
    assert await send_reports(mine, "south", report(1, "south", message="a real one")) == 1
    before = await journal_of(mine)
    flood = (report(seq, kind=f"kind-{seq}", message="x" * 900) for seq in range(1, 2001))
    assert await send_reports(mine, "north", *flood) == 2000
    assert await send_reports(mine, "north", report(2001)) == 2001
    kinds = {each["kind"] for each in (await mine.get("/v1/events?edge=aggregator")).json()["events"]}
    assert "config-changed" in kinds
    assert [each["message"] for each in (await mine.get("/v1/events?edge=south")).json()["events"]] == ["a real one"]
    assert (await journal_of(mine))[-len(before) :] == before
    assert (await mine.get("/metrics")).text.count("davy_aggregator_events_stored_total{") < 100


@pytest.mark.slow  # 30 s: as many changes as an identity has in a minute
async def test_a22_a_configuration_is_bounded_in_its_texts_its_size_and_its_history(mine):
    def config(count: int, label: str) -> dict:
        cameras = {f"c{number}": {"source": "http://10.0.0.7/" + "x" * 1900, "label": label} for number in range(count)}
        return {"config": {"cameras": cameras}}

    path, engineer = "/v1/edges/north/config", mine.headers("engineer")
    answers = [
        (await mine.aggregator.client.put(path, json=wanted, headers=engineer)).status_code
        for wanted in (config(1, "x" * 200_000), config(1, "x" * 201), config(250, "x" * 200), config(300, ""))
    ]
    assert answers == [422] * 4
    assert len((await mine.get("/v1/cameras")).content) < 10_000
    assert (await mine.get("/v1/edges/north/config")).json()["desired"]["epoch"] == 0
    for number in range(30):
        large = config(90, f"{number}")
        assert (await mine.aggregator.client.put(path, json=large, headers=engineer)).status_code == 200
    history = (await mine.get("/v1/edges/north/config/history")).content
    assert len(history) < 6_000_000, "a history has a bound in bytes, too"
    statuses = []
    for number in range(260):
        change = {"config": {"cameras": {"face": {"source": "http://10.0.0.7/", "label": f"{number}"}}}}
        statuses.append((await mine.aggregator.client.put(path, json=change, headers=engineer)).status_code)
    assert 429 in statuses, "an identity has 240 changes a minute"
    assert len((await mine.get("/v1/edges/north/config/history")).json()["history"]) <= 200
