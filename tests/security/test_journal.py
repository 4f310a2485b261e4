"""The journal of a closed aggregator: who did what, refused attempts too, and no secret."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.davy_aggregator.conftest import Running, make_settings, make_site, running, until
from tests.security.test_access import GRPC_METHODS, REST_OPERATIONS, authorization, code_of, status_of

from davy.access.chain import JournalRow, verify
from davy.access.journal import is_recorded
from davy.access.journal_keys import journal_folder, kept_checkpoint, known_keys
from davy.access.permissions import GRPC, REST
from davy.access.refusals import PER_ADDRESS
from davy.access.roles import Role
from davy.adapters.access.directory import Directory
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.journal_store import JournalStore
from davy.adapters.storage.opening import open_database
from davy.v1 import model_pb2, model_pb2_grpc

PASSWORD = "canary-password-1"
pytestmark = [pytest.mark.system, pytest.mark.asyncio(loop_scope="module")]


class Closed:
    """A closed aggregator with tokens of three roles, and its journal."""

    def __init__(self, aggregator: Running, folder: Path) -> None:
        self.aggregator, self.client = aggregator, aggregator.client
        self.database = open_database(folder)
        self.store = JournalStore(self.database)
        self.directory = Directory(AccessStore(self.database), "mine", 60)
        roles = (Role.ADMIN, Role.VIEWER, Role.TRAINER)
        self.admin, self.viewer, self.trainer = (self.directory.add_token(role, role, "", 1, "test")[1] for role in roles)
        self.directory.put_user("ada", Role.ADMIN, PASSWORD)

    @property
    def rows(self) -> list[JournalRow]:
        return list(self.store.rows())

    async def new(self, operation) -> list[JournalRow]:
        """The rows that an operation adds."""
        last = len(self.rows)
        await operation
        return self.rows[last:]

    async def new_of_grpc(self, operation) -> list[JournalRow]:
        """The rows that a gRPC call adds; that of a failed one follows its answer."""
        last = len(self.rows)
        await operation
        await until(lambda: len(self.rows) > last)
        return self.rows[last:]

    async def call(self, method: str, path: str, body: object = None, token: str | None = None, **headers) -> httpx.Response:
        headers |= authorization(self.admin if token is None else token)
        return await self.client.request(method, path, json=body, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(tmp_path_factory) -> AsyncIterator[Closed]:
    folder: Path = tmp_path_factory.mktemp("closed")
    async with running(make_settings(folder, access="closed"), make_site()) as aggregator:
        found = Closed(aggregator, folder)
        yield found
        found.database.close()


RECORDED = [name for name in REST_OPERATIONS if is_recorded(name, REST["aggregator"][name])]
READING = [name for name in REST_OPERATIONS if name not in RECORDED and "live.mjpeg" not in name and "stream" not in name]


@pytest.mark.parametrize("operation", RECORDED)
async def test_every_changing_route_leaves_one_row_with_its_name(closed, operation):
    if operation == "POST /v1/session":
        pytest.skip("signing in has a test of its own")
    (row,) = await closed.new(status_of(closed.client, operation, closed.admin))
    entry = row.entry
    assert (entry.who, entry.role, entry.via, entry.address) == ("admin", "admin", "token", "127.0.0.1")
    assert entry.operation == operation
    assert entry.target == "/" + "/".join("x1" if "{" in part else part for part in operation.split(" /")[1].split("/"))
    assert entry.answer[0] in "245"
    assert entry.request_id


async def test_reading_leaves_no_row(closed):
    async def read() -> None:
        for operation in READING:
            token = closed.trainer if operation.endswith("introspect") else closed.admin
            assert await status_of(closed.client, operation, token) not in (401, 403), operation

    assert await closed.new(read()) == []


@pytest.mark.parametrize("method", [name for name in GRPC_METHODS if is_recorded(name, GRPC[name])])
async def test_every_changing_grpc_method_leaves_one_row_with_its_name(closed, method):
    (row,) = await closed.new_of_grpc(code_of(closed.aggregator.channel, method, closed.admin, 10))
    assert (row.entry.who, row.entry.operation, row.entry.address) == ("admin", method, "127.0.0.1")
    assert row.entry.answer in ("NOT_FOUND", "INVALID_ARGUMENT")


async def test_a_grpc_call_s_request_and_id_are_recorded(closed):
    stub = model_pb2_grpc.RolloutServiceStub(closed.aggregator.channel)
    call = stub.PauseRollout(
        model_pb2.PauseRolloutRequest(id="r77"),
        metadata=[("authorization", f"Bearer {closed.admin}"), ("x-request-id", "from-a-program")],
    )

    async def fail() -> None:
        assert (await call.code()).name == "NOT_FOUND"

    (row,) = await closed.new_of_grpc(fail())
    assert json.loads(row.entry.target) == {"id": "r77"}
    assert row.entry.request_id == "from-a-program"
    assert dict(await call.trailing_metadata())["x-request-id"] == "from-a-program"


async def test_a_change_is_recorded_before_and_after(closed):
    config = (await closed.call("GET", "/v1/edges/north/config")).json()["desired"]["config"]
    config["cameras"]["face"]["strength"] = 0.25
    change = {"config": config, "why": "too bright"}
    (row,) = await closed.new(closed.call("PUT", "/v1/edges/north/config", change))
    before, after = json.loads(row.entry.before), json.loads(row.entry.after)
    assert row.entry.answer == "200"
    assert (before["cameras.face.strength"], after["cameras.face.strength"]) == (1.0, 0.25)
    assert (before["epoch"], after["why"]) == (0, "too bright")
    (row,) = await closed.new(closed.call("POST", "/v1/edges/north/config/rollback"))
    assert json.loads(row.entry.after)["cameras.face.strength"] == 1.0


async def test_signing_in_and_out_names_the_person(closed):
    async def visit() -> None:
        async with httpx.AsyncClient(base_url=closed.aggregator.http) as browser:
            assert (await browser.post("/v1/session", json={"name": "ada", "password": PASSWORD})).status_code == 200
            assert (await browser.delete("/v1/session")).status_code == 204

    rows = [row.entry for row in await closed.new(visit())]
    assert [(row.who, row.role, row.via, row.operation, row.answer) for row in rows] == [
        ("ada", "admin", "session", "POST /v1/session", "200"),
        ("ada", "admin", "session", "DELETE /v1/session", "204"),
    ]


async def test_a_failed_sign_in_shows_a_known_name_alone(closed):
    (known,) = await closed.new(closed.call("POST", "/v1/session", {"name": "ada", "password": "wrong-canary"}, token=""))
    (unknown,) = await closed.new(closed.call("POST", "/v1/session", {"name": "canary-typo", "password": "x"}, token=""))
    assert (known.entry.who, known.entry.answer, known.entry.after) == ("anonymous", "401", '{"user":"ada"}')
    assert (unknown.entry.answer, unknown.entry.after) == ("401", '{"user":"unknown"}')


async def test_a_refused_attempt_names_who_tried(closed):
    (row,) = await closed.new(closed.call("GET", "/v1/users", token=closed.viewer))
    assert (row.entry.who, row.entry.role, row.entry.operation, row.entry.answer) == (
        "viewer",
        "viewer",
        "GET /v1/users",
        "403",
    )


async def test_the_request_id_is_the_caller_s_if_it_is_legal(closed):
    answer = await closed.call("DELETE", "/v1/tokens/x", **{"X-Request-Id": "order-66"})
    assert answer.headers["x-request-id"] == closed.rows[-1].entry.request_id == "order-66"
    made = (await closed.call("GET", "/v1/site", **{"X-Request-Id": "no spaces"})).headers["x-request-id"]
    assert len(made) == 32


async def test_no_secret_is_in_a_row(closed):
    await closed.call("PUT", "/v1/users/vera", {"role": "viewer", "password": "canary-password-2"})
    made = (await closed.call("POST", "/v1/tokens", {"name": "grafana", "role": "monitor"})).json()
    secret = made["secret"]
    await closed.call("DELETE", f"/v1/tokens/{made['token']['id']}?token=canary-query")
    config = (await closed.call("GET", "/v1/edges/north/config")).json()["desired"]["config"]
    config["cameras"]["face"]["source"] = "rtsp://admin:canary-camera@10.0.0.9/stream"
    assert (await closed.call("PUT", "/v1/edges/north/config", {"config": config})).status_code == 200
    text = "".join(map(str, closed.rows))
    assert "rtsp://***@10.0.0.9/stream" in text
    assert made["token"]["id"] in text
    for hidden in ("canary", secret, secret[-43:], closed.admin, "argon2"):
        assert hidden not in text


async def test_the_journal_is_read_over_rest_by_administrators(closed):
    assert (await closed.call("GET", "/v1/journal", token=closed.viewer)).status_code == 403
    page = (await closed.call("GET", "/v1/journal?who=admin&operation=/v1/tokens&limit=2")).json()
    assert [entry["operation"] for entry in page["entries"]] == ["DELETE /v1/tokens/{token_id}", "POST /v1/tokens"]
    assert page["entries"][1]["after"]["name"] == "grafana"
    older = (await closed.call("GET", f"/v1/journal?limit=1000&cursor={page['cursor']}")).json()
    assert all(entry["sequence"] < int(page["cursor"]) for entry in older["entries"])
    assert (await closed.call("GET", "/v1/journal?until=2020-01-01T00:00:00Z")).json()["entries"] == []


async def test_a_flood_of_anonymous_requests_leaves_few_rows(closed):
    async def flood() -> None:
        for _ in range(10):
            await asyncio.gather(*(closed.call("DELETE", "/v1/models/x", token="") for _ in range(30)))

    rows = await closed.new(flood())
    assert 0 < len(rows) <= PER_ADDRESS
    assert {row.entry.answer for row in rows} == {"401"}


@pytest.mark.proves("P9")
async def test_the_chain_is_intact_and_signed_at_the_end(tmp_path):
    settings = make_settings(tmp_path, access="closed")
    async with running(settings, make_site()) as aggregator:
        for _ in range(20):
            await aggregator.get("/v1/site")
        ready = await until(lambda: aggregator.get("/readyz"))
        assert {"name": "journal", "ok": True, "reason": ""} in ready.json()["dependencies"]
    database = open_database(tmp_path)
    store, folder = JournalStore(database), journal_folder(tmp_path)
    verdict = verify(store.rows(), store.checkpoints(), known_keys(folder), kept_checkpoint(folder / "checkpoint.json"))
    assert (verdict.broken, verdict.last, verdict.signed_to) == (None, PER_ADDRESS + 1, PER_ADDRESS + 1)
    assert [row.entry.target for row in store.rows()][-1] == "10 further refused attempts; the last: /v1/site"
    database.close()
