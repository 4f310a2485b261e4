"""Promises that hold for the whole of Davy: its programs as processes, a broker, and what goes wrong around them."""

import asyncio
import os
import random
import socket
from contextlib import ExitStack, suppress

import grpc
import httpx
import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import until
from tests.faults.programs import program
from tests.fixtures.cameras import jpeg_of, mjpeg_server
from tests.fixtures.edges import site_of

from davy.adapters import mqtt
from davy.domain.ports import Message
from davy.site import CameraConfig
from davy.v1 import ingest_pb2, ingest_pb2_grpc

pytestmark = [pytest.mark.system, pytest.mark.alone]
START_S = 30


async def events_of_north(client: httpx.AsyncClient) -> list[dict]:
    try:
        answer = await client.get("/v1/events", params={"edge": "north", "limit": 1000})
        return answer.json()["events"]
    except httpx.TransportError:
        return []


@pytest.mark.parametrize("victim", ["broker", "edge", "aggregator"])
async def test_p2_no_kill_loses_an_event_or_stores_one_twice(mosquitto, tmp_path, victim):
    """Cameras that stall, each after another time, make events before, during and after the kill."""
    http, grpc_port = pick_port(), pick_port()
    with ExitStack() as stack:
        # after six changes in a minute a camera counts as unsteady and falls silent: the slower ones go on
        sources = [stack.enter_context(mjpeg_server(jpeg_of, fps=20, limit=limit)) for limit in (10, 30, 60, 90)]
        site = site_of(sources[0], mosquitto.endpoint, f"grpc://127.0.0.1:{grpc_port}", timeout_s=1)
        north = site.edges["north"]
        cameras = {f"face-{number}": CameraConfig(source=source, fps=20, timeout_s=1) for number, source in enumerate(sources)}
        site = site.model_copy(update={"edges": {"north": north.model_copy(update={"cameras": cameras})}})
        ports = ("--port", str(http), "--grpc-port", str(grpc_port))
        programs = {
            "aggregator": stack.enter_context(program(tmp_path, site, "aggregator", *ports)),
            "edge": stack.enter_context(program(tmp_path, site, "edge", "--edge", "north")),
            "broker": mosquitto,
        }
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}") as client:

            async def stored(count: int) -> bool:
                return len(await events_of_north(client)) >= count

            await until(lambda: stored(4), START_S)
            killed = programs[victim]
            killed.kill()
            await asyncio.sleep(1)  # the time that it is away
            killed.start()
            before = 5
            await until(lambda: stored(before + 6), START_S)
            events = await events_of_north(client)
    boots: dict[str, list[int]] = {}
    for event in events:
        boots.setdefault(event["boot_id"], []).append(event["seq"])
    assert len(boots) == (2 if victim == "edge" else 1)
    for numbers in boots.values():
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


def hostile_bytes(chance: random.Random) -> bytes:
    return chance.choice([b"", b"\x00", b"GET / HTTP/1.1\r\n\r\n", b"\xff\xd8\xff", b'{"a":' * 5000, chance.randbytes(3000)])


async def knock(port: int, data: bytes) -> None:
    """Bytes that nobody asked for, on a port of the machine."""
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(data)
            await writer.drain()
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            writer.transport.abort()


async def test_p7_bad_input_from_anybody_ends_no_process_and_gets_a_clear_error(mosquitto, pictures, tmp_path):
    chance = random.Random(7)
    http, grpc_port = pick_port(), pick_port()
    site = site_of(pictures, mosquitto.endpoint, f"grpc://127.0.0.1:{grpc_port}")
    ports = ("--port", str(http), "--grpc-port", str(grpc_port))
    with (
        program(tmp_path, site, "aggregator", *ports) as aggregator,
        program(tmp_path, site, "edge", "--edge", "north") as edge,
    ):
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}") as client,
            grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}") as channel,
            mqtt.connect(mosquitto.endpoint, "stranger") as stranger,
        ):

            async def seen() -> bool:
                with suppress(httpx.TransportError):
                    return (await client.get("/v1/cameras/north.face/latest.jpg")).status_code == 200
                return False

            await until(seen, START_S)
            leaves = (
                "status",
                "info",
                "event",
                "reported/model",
                "desired/model",
                "desired/config",
                "cam/face/frame",
                "cam/face/status",
            )
            for leaf in leaves:
                for _ in range(5):
                    await stranger.publish(Message(f"davy/v1/demo/north/{leaf}", hostile_bytes(chance), 1))
            for _ in range(20):
                await knock(http, hostile_bytes(chance))
                await knock(grpc_port, hostile_bytes(chance))
            for path in ("/v1/models", "/v1/rollouts", "/v1/edges/north/config"):
                refused = await client.post(path, content=os.urandom(2000))
                assert 400 <= refused.status_code < 500, path
                assert refused.json()["title"]
            bad = ingest_pb2.ReportEventsRequest(event=ingest_pb2.Event(site="demo", edge="../etc"))
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ingest_pb2_grpc.IngestServiceStub(channel).ReportEvents(iter([bad])).read()
            assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "edge id" in caught.value.details()
            assert aggregator.alive
            assert edge.alive
            await until(seen, 10)
