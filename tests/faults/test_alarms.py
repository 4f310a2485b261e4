"""Alarms over kill -9 of the aggregator, and a flood of them, with the real program."""

import asyncio
import time

import grpc
import httpx
import numpy as np
import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import make_site, until, with_rules
from tests.faults.programs import program

from davy.v1 import ingest_pb2, ingest_pb2_grpc

pytestmark = pytest.mark.system
KILLS = 3
QUIET = {kind: {"enabled": False} for kind in ("service-degraded", "camera-offline", "edge-offline", "disk-low")}


class Mine:
    """A client of an aggregator that is killed now and then."""

    def __init__(self, port: int, grpc_port: int) -> None:
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5)
        self.grpc_port = grpc_port

    async def up(self) -> None:
        async def answers() -> bool:
            try:
                return (await self.http.get("/healthz")).status_code == 200
            except httpx.TransportError:
                return False

        await until(answers, 90)

    async def report(self, *events: ingest_pb2.Event) -> None:
        """Report events as an edge does: until they are acknowledged."""
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.grpc_port}") as channel:
            stub = ingest_pb2_grpc.IngestServiceStub(channel)
            async with asyncio.timeout(90):
                while True:
                    try:
                        call = stub.ReportEvents(ingest_pb2.ReportEventsRequest(event=each) for each in events)
                        if [ack.seq async for ack in call][-1:] == [events[-1].seq]:
                            return
                    except grpc.aio.AioRpcError:
                        await asyncio.sleep(0.1)

    async def alarms(self) -> dict[str, dict]:
        return {each["id"]: each for each in (await self.http.get("/v1/alarms")).json()["alarms"]}

    async def history(self, transition: str) -> list[dict]:
        found, cursor = [], None
        while True:
            query = {"transition": transition, "limit": 1000} | ({"cursor": cursor} if cursor else {})
            page = (await self.http.get("/v1/alarms/history", params=query)).json()
            found, cursor = found + page["changes"], page["cursor"]
            if cursor is None:
                return found


def event(seq: int, kind: str = "roof-fall") -> ingest_pb2.Event:
    fields = {"occurred_ns": time.time_ns(), "severity": 3, "kind": kind, "message": f"rock {seq}", "camera": f"cam-{seq}"}
    return ingest_pb2.Event(site="mine", edge="north", boot_id="b1", seq=seq, **fields)


@pytest.mark.timeout(400)
@pytest.mark.slow  # 22 s; the page of alarms does the same
async def test_p10_no_alarm_and_no_answer_is_lost_or_doubled_by_kill_9(tmp_path):
    """Three kills amid raises and acknowledgements: each alarm is raised once, each answer that was confirmed is there."""
    port, grpc_port = pick_port(), pick_port()
    mine, site, answered, raised = Mine(port, grpc_port), with_rules(make_site(), QUIET), {}, 0
    words = ("--port", str(port), "--grpc-port", str(grpc_port))
    with program(tmp_path, site, "aggregator", *words) as aggregator:
        for turn in range(KILLS):
            await mine.up()
            fresh = [event(raised + number) for number in range(1, 11)]
            raised += len(fresh)
            reporting = asyncio.create_task(mine.report(*fresh))
            killed_after_s = 0.08 * turn

            async def answer(turn=turn) -> None:
                for alarm_id, alarm in (await mine.alarms()).items():
                    done = await mine.http.post(f"/v1/alarms/{alarm_id}/acknowledge", json={"words": f"turn {turn}"})
                    if done.status_code == 200:
                        answered[alarm_id] = (alarm["occurrence"], f"turn {turn}")

            answering = asyncio.create_task(answer())
            await asyncio.sleep(killed_after_s)
            aggregator.kill()
            await asyncio.gather(answering, return_exceptions=True)
            aggregator.start()
            await reporting
        await mine.up()
        await until(lambda: _raised(mine, raised), 60)
        history = await mine.history("raised")
        assert sorted(each["alarm"] for each in history) == sorted(f"roof-fall:north.cam-{n}" for n in range(1, raised + 1))
        told = {each["alarm"]: (each["occurrence"], each["words"]) for each in await mine.history("acknowledged")}
        assert answered.items() <= told.items()
        standing = {name for name, alarm in (await mine.alarms()).items() if alarm["state"] == "unacknowledged"}
        assert standing == {each["alarm"] for each in history} - told.keys()
    await mine.http.aclose()


async def _raised(mine, count):
    return len(await mine.history("raised")) >= count


@pytest.mark.slow
@pytest.mark.alone
async def test_p10_five_hundred_alarms_in_a_minute_are_answered_within_100_ms(tmp_path):
    port, grpc_port = pick_port(), pick_port()
    mine = Mine(port, grpc_port)
    with program(tmp_path, with_rules(make_site(), QUIET), "aggregator", "--port", str(port), "--grpc-port", str(grpc_port)):
        await mine.up()

        async def flood() -> None:
            for second in range(60):
                started_s = time.monotonic()
                seqs = range(1 + second * 500 // 60, 1 + (second + 1) * 500 // 60)
                await mine.report(*[event(seq) for seq in seqs])
                await asyncio.sleep(max(0.0, 1 - (time.monotonic() - started_s)))

        flooding, took_ms = asyncio.create_task(flood()), {"list": [], "counts": [], "acknowledge": [], "history": []}
        while not flooding.done():
            for name, path in (("list", "/v1/alarms"), ("counts", "/v1/alarms/counts"), ("history", "/v1/alarms/history")):
                started_s = time.perf_counter()
                answer = await mine.http.get(path)
                took_ms[name].append((time.perf_counter() - started_s) * 1000)
                assert answer.status_code == 200
            if unanswered := [name for name, each in (await mine.alarms()).items() if each["state"] == "unacknowledged"]:
                started_s = time.perf_counter()
                answer = await mine.http.post(f"/v1/alarms/{unanswered[-1]}/acknowledge", json={"words": "seen"})
                took_ms["acknowledge"].append((time.perf_counter() - started_s) * 1000)
            await asyncio.sleep(0.1)
        await flooding
        await until(lambda: _raised(mine, 500), 10)
        figures = {name: (np.percentile(each, 50), np.percentile(each, 99), max(each)) for name, each in took_ms.items()}
        print({name: tuple(round(float(value), 1) for value in each) for name, each in figures.items()})
        assert len({each["alarm"] for each in await mine.history("raised")}) == 500
        assert all(p99_ms < 100 for _, p99_ms, _ in figures.values()), figures
    await mine.http.aclose()
