"""A15, A25, A35, A36, A37: requests with large bodies, odd values, deep JSON, SQL and paths that lead elsewhere."""

import asyncio
import json

import grpc
import pytest
from tests.davy_aggregator.conftest import envelope
from tests.security.closed import chunks, closed_mine, closed_service, memory_bytes

from davy.v1 import ingest_pb2

BODIES = {
    "aggregator": ("PUT", "/v1/edges/north/config"),
    "enhancer": ("POST", "/v1/enhance"),
    "trainer": ("POST", "/v1/training-runs"),
}
SENT_BYTES = 150_000_000
HELD_BYTES = 60_000_000  # the largest body that any of them takes into memory is 24 MB

pytestmark = pytest.mark.system


@pytest.fixture
async def mine(tmp_path):
    async with closed_mine(tmp_path) as found:
        yield found
        await found.unharmed()


@pytest.mark.parametrize("name", BODIES)
async def test_a15_a_body_without_end_is_refused_and_not_kept(mine, tmp_path, name):
    method, path = BODIES[name]
    async with closed_service(name, mine, tmp_path) as client:

        async def body():
            for piece in chunks(bytes(1_000_000), SENT_BYTES):
                yield piece
                most.append(memory_bytes())

        for headers in ({}, mine.headers("engineer")):
            most = [memory_bytes()]
            sent = {"Content-Type": "application/json", **headers}
            answer = await client.request(method, path, headers=sent, content=body(), timeout=60)
            assert answer.status_code in ((401, 413) if not headers else (413,)), answer.text
            assert max(most) - most[0] < HELD_BYTES
        declared = {"Content-Length": str(10**12), "Content-Type": "application/json", **mine.headers("engineer")}
        assert (await raw_request(str(client.base_url), method, path, declared))[0] == 413
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("model", ["x\r\nSet-Cookie: a=b", "\0", " leading", "trailing ", "\u2713", "x" * 5000, "\x1b[31m"])
async def test_a25_a_model_id_that_no_header_can_carry_is_refused_where_it_enters(mine, model):
    frames = (envelope(seq, "north/face", model=text) for seq, text in ((1, "good"), (2, model)))
    requests = [ingest_pb2.PushFramesRequest(frame=frame) for frame in frames]
    call = mine.aggregator.ingest.PushFrames(iter(requests), metadata=mine.metadata("north"))
    with pytest.raises(grpc.aio.AioRpcError, match="model"):
        async for _ in call:
            pass
    found = await mine.get("/v1/cameras/north.face/latest.jpg")
    assert found.status_code == 200
    assert "Set-Cookie" not in found.headers
    assert found.headers["X-Davy-Model"] == "good"


TRAVERSALS = [
    "/v1/cameras/north.face'%20OR%201=1--/latest.jpg",
    "/v1/cameras/..%2f..%2fetc%2fpasswd/latest.jpg",
    "/v1/cameras/../../../../etc/passwd",
    "/static/../../../../etc/passwd",
    "/static/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/static/%2e%2e/%2e%2e/settings.py",
    "/static//etc/passwd",
    "/manual/..%2f..%2fetc%2fpasswd",
    "/v1/models/..%2f..%2fdavy.db/package.zip",
    "/v1/models/a'%3BDROP%20TABLE%20event--",
    "/v1/training-runs/..%2f..%2fkeys",
    "/v1/jobs/..%2f..%2fkeys/result",
    "/v1/samples?camera=x'%20UNION%20SELECT%20name%20FROM%20sqlite_master--",
    "/v1/events?kind=x'%20OR%20'1'='1",
    "/v1/events?camera=%25",
]


async def raw_request(url: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Send a head as it is written: clients' libraries resolve the dots of a path, and send what they declare."""
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    sent = {"Host": host, "Connection": "close", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()
    status, _, rest = answer.partition(b"\r\n")
    return int(status.split()[1]), rest.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("name", BODIES)
async def test_a35_neither_sql_nor_a_path_leads_out_of_what_is_served(mine, tmp_path, name):
    async with closed_service(name, mine, tmp_path) as client:
        for path in TRAVERSALS:
            status, body = await raw_request(str(client.base_url), "GET", path, mine.headers("admin"))
            assert status in (200, 400, 404, 409, 422), path
            if status == 200:
                assert not any(json.loads(body).get(each) for each in ("events", "samples")), path
            assert b"root:" not in body, path


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/events?since=0001-01-01T00:00:00%2B14:00", {}),
        ("/v1/events?since=9999-12-31T23:59:59-14:00", {}),
        ("/v1/events?before=" + "9" * 5000, {}),
        ("/v1/events/" + "9" * 5000 + "/keyframe.jpg", {}),
        ("/v1/samples/" + "9" * 5000, {}),
    ],
)
async def test_a36_moments_and_numbers_beyond_every_clock_are_answered(mine, path, headers):
    assert (await mine.get(path, **headers)).status_code in (200, 404, 422)


async def test_a36_a_last_event_id_of_5000_digits_begins_with_new_events(mine):
    sent = {"Last-Event-ID": "9" * 5000, **mine.headers("viewer")}
    async with mine.aggregator.client.stream("GET", "/v1/events/stream", headers=sent) as answer:
        assert answer.status_code == 200


HOSTILE_JSON = {
    "3,000 levels": b'{"config":' * 3000 + b"1" + b"}" * 3000,
    "90,000 brackets": b"[" * 90_000,
    "nan": b'{"config":{"cameras":{"face":{"source":"http://10.0.0.7/","fps":NaN}}}}',
    "infinity": b'{"config":{"cameras":{"face":{"source":"http://10.0.0.7/","fps":1e999}}}}',
    "an integer of 5,000 digits": b'{"config":{"cameras":{"face":{"source":"http://10.0.0.7/","fps":' + b"9" * 5000 + b"}}}}",
    "a lone surrogate": b'{"config":{"cameras":{"face":{"source":"http://10.0.0.7/","label":"\\ud800"}}}}',
    "no UTF-8": b'{"config":"\xff\xfe"}',
    "a member twice": b'{"config":1,"config":2}',
    "no object": b"null",
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
async def test_a37_json_of_any_shape_is_answered_and_changes_nothing(mine, name):
    before = (await mine.get("/v1/edges/north/config")).json()["desired"]
    for path in ("/v1/edges/north/config", "/v1/rollouts", "/v1/session", "/v1/users/x"):
        for method in ("PUT", "POST"):
            sent = {"Content-Type": "application/json", **mine.headers("admin")}
            answer = await mine.aggregator.client.request(method, path, headers=sent, content=HOSTILE_JSON[name])
            assert answer.status_code in (400, 401, 404, 405, 413, 422), f"{method} {path}: {answer.text}"
    assert (await mine.get("/v1/edges/north/config")).json()["desired"] == before


async def test_a37_a_header_of_120_kb_is_answered(mine):
    sent = {"X-Large": "x" * 120_000, **mine.headers("viewer")}
    status, _ = await raw_request(mine.aggregator.http, "GET", "/v1/site", sent)
    assert status in (200, 400, 431)
