"""A training service in the test's own loop, or as a process; runs of seconds on pictures of 150 x 100."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import grpc
import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from skimage import data

from davy.models.keyring import make_key
from davy_trainer.service.app import serve
from davy_trainer.service.settings import TrainerSettings

PROMPTS = {"clip": "davy:random:1", "steps": 20, "most": 8}  # a CLIP that knows nothing: no weights to load
LONG = PROMPTS | {"steps": 400, "checkpoint_every": 5}  # some seconds
TINY = {"crop_width": 64, "crop_height": 32, "batch": 2, "short_side": 96}
RETRAIN = {
    "guided": False,
    "rounds": 1,
    "enhance": {"steps": 2, "sheet_every": 1, **TINY},
    "self_supervised": TINY,
}
WAIT_S = 200.0  # torch takes seconds to start, and more beside other work


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """low/ and normal/ with 8 pictures each, val/low and val/high with a pair."""
    root = tmp_path_factory.mktemp("pictures")
    cup = cv2.resize(np.ascontiguousarray(data.coffee()[:, :, ::-1]), (150, 100), interpolation=cv2.INTER_AREA)
    for index in range(8):
        normal = np.roll(cup, 18 * index, 1)
        for folder, image in (("normal", normal), ("low", normal // 8), ("val/high", normal), ("val/low", normal // 8)):
            if index == 0 or not folder.startswith("val"):
                (root / folder).mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(root / folder / f"{index}.png"), image)
    return root


@pytest.fixture
def settings(tmp_path: Path, pictures: Path) -> Callable[..., TrainerSettings]:
    """Settings of a service that needs nothing but these pictures."""
    if not (tmp_path / "keys").is_dir():
        make_key(tmp_path / "keys", 365)

    def make(**changes: Any) -> TrainerSettings:
        given = {"port": 0, "grpc_port": 0, "data": tmp_path / "data", "keys": tmp_path / "keys"}
        given |= {"low": (pictures / "low",), "normal": (pictures / "normal",), "validation": pictures / "val"}
        given |= {"access": "open", "backoff_s": 0.1, "cpu_share": 1.0, "max_psnr_drop_db": 60.0, "sign": "itself"}
        return TrainerSettings(**given | changes)

    return make


@dataclass
class Running:
    """A running service."""

    client: httpx.AsyncClient
    channel: grpc.aio.Channel
    registry: CollectorRegistry

    async def start(self, kind: str = "prompts", **overrides: Any) -> str:
        answer = await self.client.post("/v1/training-runs", json={"kind": kind, "overrides": overrides})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def get(self, run: str) -> dict[str, Any]:
        return (await self.client.get(f"/v1/training-runs/{run}")).json()

    async def all(self) -> list[dict[str, Any]]:
        return (await self.client.get("/v1/training-runs")).json()["runs"]

    async def until(self, run: str, holds: Callable[[dict[str, Any]], object], timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The run, once it is so."""
        return await until(lambda: self.get(run), holds, timeout_s)

    async def ended(self, run: str, timeout_s: float = WAIT_S) -> dict[str, Any]:
        return await self.until(run, lambda seen: seen["state"] in ("done", "failed", "cancelled"), timeout_s)


async def until(ask: Callable[[], Awaitable[Any]], holds: Callable[[Any], object], timeout_s: float = WAIT_S) -> Any:
    ends = time.monotonic() + timeout_s
    while not holds(seen := await ask()):
        assert time.monotonic() < ends, f"not within {timeout_s} s; the last was {seen}"
        await asyncio.sleep(0.1)
    return seen


@asynccontextmanager
async def serving(settings: TrainerSettings) -> AsyncIterator[Running]:
    registry, ready = CollectorRegistry(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, registry, ready.set_result))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    ports = ready.result()
    try:
        async with (
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports.http}", timeout=20, verify=False) as client,
            grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
        ):
            yield Running(client, channel, registry)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@contextmanager
def process(settings: TrainerSettings, log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The same as `davy trainer`; killed in the end."""
    words = settings.model_dump(mode="json", include={"data", "keys", "validation", "backoff_s", "cpu_share", "sign"})
    env = {f"DAVY_TRAINER_{name.upper()}": str(value) for name, value in words.items()}
    env |= {f"DAVY_TRAINER_{name}": f'["{folder[0]}"]' for name, folder in (("LOW", settings.low), ("NORMAL", settings.normal))}
    command = [sys.executable, "-m", "davy", "trainer", "--insecure", "--port", str(settings.port), "--grpc-port", "0"]
    with log.open("ab") as out, subprocess.Popen(command, env=os.environ | env, stdout=out, stderr=out) as running:
        try:
            yield running
        finally:
            running.kill()


def pid_of_run(folder: Path) -> int:
    """Pid of a run's process."""
    return int((folder / "pid").read_text())


def pid_of_command(folder: Path) -> int:
    """Pid of a run's process once its shim has become the command, which keeps to the share from then on; until then 0."""
    with suppress(OSError, ValueError):
        pid = pid_of_run(folder)
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        return pid if words and b"exec_shim" not in words else 0
    return 0


def kill_9(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False


def trains(run: dict) -> bool:
    """Past the pictures, amid the steps, after a checkpoint."""
    return bool(run["progress"] and run["progress"]["total"] and run["progress"]["step"] > 10)


async def sse(client: httpx.AsyncClient, run: str, after: str = "") -> list[tuple[str, str, str]]:
    """Event, id and data, to the end of the stream."""
    found, fields = [], {}
    headers = {"last-event-id": after} if after else {}
    async with client.stream("GET", f"/v1/training-runs/{run}/events", headers=headers, timeout=120) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if name in ("event", "id", "data"):
                fields[name] = value
            elif not line and fields:
                found.append((fields.get("event", ""), fields.get("id", ""), fields.get("data", "")))
                fields = {}
    return found


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/readyz")).json()["active"]
    except httpx.TransportError:
        return False
