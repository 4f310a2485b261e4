import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from tests.conftest import pick_port, wait_for_port

from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.opening import open_database
from davy.domain.event import EventQuery
from davy.v1 import ingest_pb2, ingest_pb2_grpc

SITE = """
site: mine
broker: mqtt://127.0.0.1:9
cache: redis://127.0.0.1:9/0
edges:
  north:
    cameras:
      face: {source: "mine://face"}
"""


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen:
    config = tmp_path / "site.yaml"
    if not config.exists():
        config.write_text(SITE)
    command = [
        sys.executable,
        "-m",
        "davy",
        "aggregator",
        "--config",
        str(config),
        "--data",
        str(tmp_path / "data"),
        *([] if "--host" in arguments else ["--insecure"]),
        *arguments,
    ]
    environment = os.environ | {"DAVY_ANALYSIS_ENABLED": "false"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.system
@pytest.mark.parametrize(
    ("site", "arguments", "status", "text"),
    [
        ("site: mine\nedges: {}\n", [], 2, "site.yaml:2: edges"),
        ("site: MINE\n", [], 2, "site.yaml:1: site"),
        (SITE, ["--port", "99999"], 2, "PORT"),
        (SITE, ["--host", "192.0.2.1"], 2, "give this program an identity"),
        (SITE, ["--host", "0.0.0.0", "--insecure"], 2, "open access is for this machine alone"),
    ],
)
def test_a_failed_start_names_the_remedy(tmp_path, site, arguments, status, text):
    (tmp_path / "site.yaml").write_text(site)
    process = start(tmp_path, *arguments)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == status
    assert text in stderr
    assert "Traceback" not in stderr


@pytest.mark.system
def test_an_address_of_no_interface_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("DAVY_AGGREGATOR_BEHIND_TLS_PROXY", "true")
    process = start(tmp_path, "--host", "192.0.2.1")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "cannot listen on" in errors


@pytest.mark.system
def test_sigterm_ends_it_within_seconds_and_with_0(tmp_path):
    port = pick_port()
    process = start(tmp_path, "--port", str(port), "--grpc-port", "0")
    wait_for_port(port, 20)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=10)
    assert process.returncode == 0
    assert f"console  http://127.0.0.1:{port}" in stdout
    assert "Traceback" not in stderr


@pytest.mark.system
@pytest.mark.alone
async def test_f04_kill_9_loses_no_event_and_stores_none_twice(tmp_path):
    """An edge reports 300 events and goes on from its last ack whenever the aggregator, killed at random points, is back."""
    total, kills, port = 300, 2, pick_port()
    chance = random.Random(4)
    process, acked, killed, gaps = start(tmp_path, "--port", "0", "--grpc-port", str(port)), 0, 0, []
    died = None
    try:
        while acked < total:
            try:
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                    call = ingest_pb2_grpc.IngestServiceStub(channel).ReportEvents(wait_for_ready=True)
                    sender = asyncio.create_task(send(call, acked + 1, total))
                    kill_at = acked + chance.randint(20, 120) if killed < kills else total + 1
                    async for ack in call:
                        if died is not None:
                            gaps.append(time.monotonic() - died)
                            died = None
                        acked = ack.seq
                        if acked >= kill_at:
                            process.kill()
                    sender.cancel()
            except grpc.aio.AioRpcError:
                sender.cancel()
            if process.poll() is not None or acked < total:
                process.kill()
                process.communicate()
                killed += 1
                died = time.monotonic()
                process = start(tmp_path, "--port", "0", "--grpc-port", str(port))
    finally:
        process.kill()
        process.communicate()
    database = open_database(tmp_path / "data")
    stored = [event.seq for event in EventStore(database).query(EventQuery(after=0, limit=1000))]
    database.close()
    assert killed >= kills
    assert sorted(stored) == list(range(1, total + 1))
    assert max(gaps) < 15  # process start included; the client itself is back at once


async def send(call, first: int, last: int) -> None:
    try:
        for seq in range(first, last + 1):
            event = ingest_pb2.Event(
                site="mine", edge="north", boot_id="b1", seq=seq, occurred_ns=time.time_ns(), kind="camera-offline"
            )
            await call.write(ingest_pb2.ReportEventsRequest(event=event))
            await asyncio.sleep(0.002)
        await call.done_writing()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return  # the reader notices too
