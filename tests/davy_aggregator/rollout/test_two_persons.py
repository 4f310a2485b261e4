"""A closed aggregator rolls a model out only after a second person has confirmed it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from tests.davy_aggregator.conftest import Running, make_settings, make_site, running, until
from tests.fixtures.candidates import candidate
from tests.fixtures.fleet import TalkingEdge, talking
from tests.fixtures.packages import good_package, signing_key, trust

from davy.access.roles import Role
from davy.adapters.access.directory import Directory
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.opening import open_database
from davy.twin.model import ModelState
from davy.v1 import model_pb2, model_pb2_grpc
from davy_cli.main import main

GOOD = good_package()
CAMERA = {"cameras": {"face": {"source": "mine://face"}}}
PASSWORD = "a long password"
PEOPLE = {"ada": Role.ENGINEER, "bob": Role.ADMIN, "cleo": Role.OPERATOR}
pytestmark = pytest.mark.system


class Site:
    """A closed aggregator with people who sign in, and tokens by name."""

    def __init__(self, aggregator: Running, folder: Path, mosquitto: Any) -> None:
        self.aggregator, self.endpoint = aggregator, mosquitto.endpoint
        database = open_database(folder)
        directory = Directory(AccessStore(database), "mine", 60)
        for name, role in PEOPLE.items():
            directory.put_user(name, role, PASSWORD)
        self.tokens = {name: directory.add_token(name, Role.ENGINEER, "", 1, "test")[1] for name in ("ci", "ada", "bob")}
        database.close()
        self._sessions: dict[str, httpx.AsyncClient] = {}

    async def post(self, who: str, path: str, **options: Any) -> httpx.Response:
        """A request of a person who has signed in."""
        if who not in self._sessions:
            client = httpx.AsyncClient(base_url=self.aggregator.http)
            answer = await client.post("/v1/session", json={"name": who, "password": PASSWORD})
            assert answer.status_code < 300, answer.text
            self._sessions[who] = client
        return await self._sessions[who].post(path, timeout=30, **options)

    async def start(self, who: str = "ada", **spec: Any) -> str:
        made = await self.post(who, "/v1/rollouts", json={"model": GOOD.id, "probation_s": 1, "per_minute": 6000} | spec)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    async def read(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens['ci']}"}
        return (await self.aggregator.client.get(path, headers=headers)).json()

    async def ended(self, rollout: str) -> dict[str, Any]:
        async def observe() -> dict[str, Any] | None:
            found = await self.read(f"/v1/rollouts/{rollout}")
            return found if found["state"] not in ("unconfirmed", "running", "paused") else None

        return await until(observe, 20)

    async def online(self, count: int) -> None:
        async def observed() -> bool:
            return sum(edge["status"] == "online" for edge in (await self.read("/v1/edges"))["edges"]) >= count

        await until(observed, 20)

    async def close(self) -> None:
        for client in self._sessions.values():
            await client.aclose()


@asynccontextmanager
async def closed(mosquitto, folder: Path, *edges: TalkingEdge, **settings: Any) -> AsyncIterator[Site]:
    trust().save(folder / "keys" / "trust.json")
    site = make_site(mosquitto.endpoint, **{edge.name: CAMERA for edge in edges})
    async with running(make_settings(folder, access="closed", **settings), site) as aggregator:
        found = Site(aggregator, folder, mosquitto)
        try:
            async with talking(mosquitto.endpoint, "mine", *edges):
                await found.online(len(edges))
                if GOOD.id not in [model["id"] for model in (await found.read("/v1/models"))["models"]]:
                    added = await found.post("ada", "/v1/models", content=GOOD.data)
                    assert added.status_code == 201, added.text
                yield found
        finally:
            await found.close()


def fleet(count: int = 2, **options: Any) -> list[TalkingEdge]:
    return [TalkingEdge(f"e{index}", **options) for index in range(count)]


async def test_one_person_starts_a_rollout_and_only_another_one_lets_it_begin(mosquitto, tmp_path):
    edges = fleet()
    async with closed(mosquitto, tmp_path, *edges) as site:
        rollout = await site.start("ada")
        path = f"/v1/rollouts/{rollout}"
        same = await site.post("ada", f"{path}/confirm")
        assert same.status_code == 403
        assert same.json()["detail"] == (
            f"'ada' (engineer) may not confirm rollout {rollout}, which 'ada' started: another engineer or administrator must"
        )
        operator = await site.post("cleo", f"{path}/confirm")
        assert (operator.status_code, "permission confirm" in operator.json()["detail"]) == (403, True)
        for action in ("pause", "resume"):
            assert (await site.post("bob", f"{path}/{action}")).status_code == 409
        second = await site.post("bob", "/v1/rollouts", json={"model": GOOD.id})
        assert (second.status_code, "is unconfirmed" in second.json()["detail"]) == (409, True)
        await asyncio.sleep(0.5)  # several steps of the service
        assert [edge.received for edge in edges] == [[], []]
        confirmed = await site.post("bob", f"{path}/confirm")
        assert (confirmed.status_code, confirmed.json()["state"]) == (200, "running"), confirmed.text
        assert (await site.post("bob", f"{path}/confirm")).status_code == 409
        done = await site.ended(rollout)
        assert (done["state"], done["started_by"], done["confirmed_by"]) == ("done", "ada", "bob")
        assert {edge.model for edge in edges} == {GOOD.id}
        kinds = [event["kind"] for event in (await site.read("/v1/events"))["events"]]
        assert kinds.index("rollout-started") < kinds.index("rollout-unconfirmed")  # newest first


async def test_both_persons_and_the_refused_attempt_stand_in_the_journal(mosquitto, tmp_path):
    from davy.adapters.storage.journal_store import JournalStore

    async with closed(mosquitto, tmp_path, *fleet()) as site:
        rollout = await site.start("ada")
        await site.post("ada", f"/v1/rollouts/{rollout}/confirm")
        await site.post("bob", f"/v1/rollouts/{rollout}/confirm")
        await site.ended(rollout)
        database = open_database(tmp_path)
        rows = [row.entry for row in JournalStore(database).rows() if "rollouts" in row.entry.operation]
        database.close()
    assert [(entry.who, entry.operation.rpartition("/")[2], entry.answer) for entry in rows] == [
        ("ada", "rollouts", "201"),
        ("ada", "confirm", "403"),
        ("bob", "confirm", "200"),
    ]
    assert '"started_by":"ada"' in rows[0].after
    assert '"started_by":"ada","confirmed_by":"bob"' in rows[2].after


async def test_a_failed_canary_rolls_back_and_an_operator_aborts_without_a_second_person(mosquitto, tmp_path):
    edges = fleet(decision=lambda edge, desired: (ModelState.FAILED, "gate:black"))
    async with closed(mosquitto, tmp_path, *edges) as site:
        rollout = await site.start("ada")
        assert (await site.post("bob", f"/v1/rollouts/{rollout}/confirm")).status_code == 200
        assert (await site.ended(rollout))["state"] == "rolled-back"
        waiting = await site.start("ada")
        aborted = await site.post("cleo", f"/v1/rollouts/{waiting}/abort")
        assert (aborted.status_code, aborted.json()["state"]) == (200, "aborted")
        assert sum(len(edge.received) for edge in edges) == 2  # of the first rollout: there and back
        assert await site.start("bob")


async def test_a_token_confirms_only_in_the_name_of_a_user(mosquitto, tmp_path):
    async with closed(mosquitto, tmp_path, *fleet()) as site:
        rollout = await site.start("ada")
        stub = model_pb2_grpc.RolloutServiceStub(site.aggregator.channel)

        async def confirm(token: str) -> model_pb2.Rollout:
            metadata = (("authorization", f"Bearer {site.tokens[token]}"),)
            request = model_pb2.ConfirmRolloutRequest(id=rollout)
            return (await stub.ConfirmRollout(request, timeout=20, metadata=metadata)).rollout

        for token, text in (("ci", "a person must"), ("ada", "which 'ada' started")):
            with pytest.raises(grpc.aio.AioRpcError, match=text) as refused:
                await confirm(token)
            assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        found = await confirm("bob")
        assert (found.state, found.started_by, found.confirmed_by) == ("running", "ada", "bob")


async def test_an_unconfirmed_rollout_waits_over_a_restart(mosquitto, tmp_path):
    edges = fleet()
    async with closed(mosquitto, tmp_path, *edges) as site:
        rollout = await site.start("ada")
    async with closed(mosquitto, tmp_path, *edges) as site:
        assert (await site.post("ada", f"/v1/rollouts/{rollout}/confirm")).status_code == 403
        assert (await site.post("bob", f"/v1/rollouts/{rollout}/confirm")).status_code == 200
        assert (await site.ended(rollout))["state"] == "done"


async def test_a_model_whose_key_was_revoked_meanwhile_is_not_confirmed(mosquitto, tmp_path):
    async with closed(mosquitto, tmp_path, *fleet()) as site:
        rollout = await site.start("ada")
        key = trust().find(signing_key().id)
        revoked = key.model_copy(update={"revoked": key.not_before, "reason": "lost"})
        trust().with_key(revoked).save(tmp_path / "keys" / "trust.json")
        refused = await site.post("bob", f"/v1/rollouts/{rollout}/confirm")
        assert (refused.status_code, "revoked" in refused.json()["detail"]) == (422, True)
        assert (await site.read(f"/v1/rollouts/{rollout}"))["state"] == "unconfirmed"


async def test_one_person_is_enough_where_the_setting_says_so_and_in_an_open_service(mosquitto, tmp_path):
    async with closed(mosquitto, tmp_path / "closed", *fleet(), confirm="nobody") as site:
        rollout = await site.start("ada")
        assert (await site.ended(rollout))["confirmed_by"] == ""
        assert (await site.post("bob", f"/v1/rollouts/{rollout}/confirm")).status_code == 409
    assert make_settings(tmp_path).needs_second_person is False
    assert make_settings(tmp_path, access="closed").needs_second_person is True


async def test_a_candidate_is_proposed_signed_and_only_then_rolled_out(mosquitto, tmp_path):
    async with closed(mosquitto, tmp_path, *fleet()) as site:
        proposed = await site.post("ada", "/v1/candidates", params={"cause": "new lamps"}, content=candidate().data)
        assert proposed.status_code == 201, proposed.text
        (view,) = (await site.read("/v1/candidates"))["candidates"]
        assert (view["id"], view["proposal"]["by"]) == (candidate().id, "'ada' (engineer)")
        assert view["proposal"]["cause"] == "new lamps"
        detail = await site.read(f"/v1/candidates/{view['frame_id']}")
        assert detail["card"] == "# A report"
        early = await site.post("ada", "/v1/rollouts", json={"model": candidate().id})
        assert (early.status_code, "davy models sign" in early.json()["detail"]) == (404, True)
        unsigned = await site.post("ada", "/v1/models", content=candidate().data)
        assert (unsigned.status_code, "unsigned" in unsigned.json()["detail"]) == (422, True)
        stub = model_pb2_grpc.ModelServiceStub(site.aggregator.channel)
        metadata = (("authorization", f"Bearer {site.tokens['ci']}"),)
        (message,) = (await stub.ListCandidates(model_pb2.ListCandidatesRequest(), metadata=metadata)).candidates
        assert (message.id, message.cause) == (candidate().id, "new lamps")
        with pytest.raises(grpc.aio.AioRpcError, match="davy models sign"):
            _ = [each async for each in stub.DownloadModel(model_pb2.DownloadModelRequest(id=view["id"]), metadata=metadata)]
        headers = {"Authorization": f"Bearer {site.tokens['ci']}"}
        package = await site.aggregator.client.get(f"/v1/candidates/{view['id']}/package.zip", headers=headers)
        assert package.content == candidate().data
        signed = candidate().sign(signing_key())
        assert (await site.post("bob", "/v1/models", content=signed.data)).status_code == 201
        assert (await site.read("/v1/candidates"))["candidates"] == []
        assert await site.start("ada", model=candidate().id)


async def test_a_candidate_can_be_deleted(mosquitto, tmp_path):
    async with closed(mosquitto, tmp_path, *fleet()) as site:
        await site.post("ada", "/v1/candidates", content=candidate().data)
        headers = {"Authorization": f"Bearer {site.tokens['ci']}"}
        gone = await site.aggregator.client.delete(f"/v1/candidates/{candidate().id}", headers=headers)
        assert gone.status_code == 204
        assert (await site.aggregator.client.get(f"/v1/candidates/{candidate().id}", headers=headers)).status_code == 404


async def test_the_command_line_starts_lists_and_confirms_with_two_tokens(mosquitto, tmp_path, monkeypatch, capsys):
    async with closed(mosquitto, tmp_path, *fleet()) as site:

        async def davy(who: str, *words: str) -> tuple[int, str]:
            monkeypatch.setenv("DAVY_TOKEN", site.tokens[who])
            monkeypatch.setenv("DAVY_AGGREGATOR", f"grpc://127.0.0.1:{site.aggregator.grpc_port}")
            monkeypatch.setattr(sys, "argv", ["davy", "rollout", *words])
            status = await asyncio.to_thread(main)
            return status, "".join(capsys.readouterr())

        status, printed = await davy("ada", "start", GOOD.id, "--no-watch", "--probation-s", "1")
        assert (status, "davy rollout confirm" in printed) == (0, True), printed
        assert "started by ada" in (await davy("ada", "list"))[1]
        status, printed = await davy("ada", "confirm")
        assert (status, "another engineer or administrator must" in printed) == (1, True), printed
        status, printed = await davy("bob", "confirm")
        assert (status, "running" in printed) == (0, True), printed
        assert "started by ada, confirmed by bob" in (await davy("bob", "show"))[1]
