"""kill -9 while an edge is configured: afterwards it has exactly one valid configuration; the next start ends the work."""

import asyncio
import os
import random
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.fixtures.config_zygote import site_of
from tests.fixtures.configs import TOPICS, desire, plain_of
from tests.fixtures.edges import until

from davy.adapters import mqtt
from davy.edge_config import config_id, read_config
from davy.twin.configuration import ConfigState
from davy_edge.config.manager import ConfigPointer, open_state_file

ROOT = Path(__file__).parents[3]
STEPS = ["config.validated", "atomic.written", "config.persisted", "config.applying", "config.applied", "config.confirmed"]


class Killed:
    """An edge that gets one configuration after the other, and is killed meanwhile."""

    def __init__(self, folder: Path, bus: mqtt.MqttBus, zygote: asyncio.subprocess.Process, pictures: str) -> None:
        self.folder, self.bus, self.zygote, self.pictures, self.epoch = folder, bus, zygote, pictures, 0

    async def desire(self, **error) -> str:
        """Another camera comes, one goes, one changes; returns the id."""
        self.epoch += 1
        camera = {"source": self.pictures, "fps": 5}
        cameras = {"face": {**camera, "strength": self.epoch % 10 / 10, **error}, f"other-{self.epoch % 2}": camera}
        (self.folder / "epoch").write_text(str(self.epoch))
        await self.bus.publish(desire(self.epoch, cameras))
        return config_id(plain_of(cameras))

    async def start(self, failpoint: str = "-") -> int:
        assert self.zygote.stdin
        self.zygote.stdin.write(f"{failpoint}\n".encode())
        return await self._line()

    async def ended(self) -> int:
        async with asyncio.timeout(30):
            return await self._line()

    async def _line(self) -> int:
        assert self.zygote.stdout
        line = await self.zygote.stdout.readline()
        assert line, "the zygote ended"
        return int(line)

    def there(self) -> ConfigPointer:
        """What a boot would find; it is whole."""
        pointer = open_state_file(self.folder / "demo/north/config").pointer
        assert not list(self.folder.rglob("*.damaged"))
        if pointer.active is not None:
            read_config(pointer.active)
        return pointer

    async def check(self, before: str, wanted: str) -> None:
        """One of the two now; after the next start the one that is wanted."""
        assert id_of(self.there()) in (before, wanted)
        await self.start()
        assert await self.ended() == 0
        assert (id_of(self.there()), self.there().state) == (wanted, ConfigState.APPLIED)


def id_of(pointer: ConfigPointer) -> str:
    return config_id(pointer.active) if pointer.active is not None else ""


@asynccontextmanager
async def killed_edge(mosquitto, folder: Path, pictures: str):
    async with mqtt.connect(mosquitto.endpoint, "hand") as bus:
        await until(lambda: bus.connected)
        arguments = [sys.executable, "-m", "tests.fixtures.config_zygote", str(folder), mosquitto.endpoint, pictures]
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
        zygote = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, **pipes)
        try:
            yield Killed(folder, bus, zygote, pictures)
        finally:
            assert zygote.stdin
            zygote.stdin.close()
            await zygote.wait()


@pytest.mark.system
async def test_f06_killed_at_every_step(mosquitto, pictures, tmp_path):
    async with killed_edge(mosquitto, tmp_path, pictures) as edge:
        before = ""
        for step in STEPS:
            wanted = await edge.desire()
            await edge.start(step)
            assert await edge.ended() == -signal.SIGKILL, step
            await edge.check(before, wanted)
            before = wanted


@pytest.mark.system
async def test_an_edge_killed_during_a_rejection_keeps_its_configuration(mosquitto, pictures, tmp_path):
    async with killed_edge(mosquitto, tmp_path, pictures) as edge:
        good = await edge.desire()
        await edge.start()
        assert await edge.ended() == 0
        await edge.desire(fps=-1)
        await edge.start("config.refused")
        assert await edge.ended() == -signal.SIGKILL
        assert (id_of(edge.there()), edge.there().state) == (good, ConfigState.REJECTED)


async def random_kills(mosquitto, folder: Path, pictures: str, count: int, seed: int) -> None:
    """Until so many died of it; some have done before they are killed."""
    chance, died, before = random.Random(seed), 0, ""
    async with killed_edge(mosquitto, folder, pictures) as edge:
        while died < count:
            wanted = await edge.desire()
            child = await edge.start()
            await asyncio.sleep(chance.uniform(0.1, 1.5))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            died += await edge.ended() == -signal.SIGKILL
            await edge.check(before, wanted)
            before = wanted


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_f06_killed_at_random_fifty_times(mosquitto, pictures, tmp_path):
    await random_kills(mosquitto, tmp_path, pictures, 50, 7)


def test_a_killed_edge_starts_with_its_state_file(pictures):
    assert list(site_of("mqtt://127.0.0.1:9", pictures).edges[TOPICS.edge].cameras) == ["face"]
