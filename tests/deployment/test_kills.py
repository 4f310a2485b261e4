"""kill -9 while a model is brought in: afterwards exactly one valid model is active; the next start ends what was begun."""

import asyncio
import os
import random
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.fixtures.edges import until
from tests.fixtures.package_server import Packages, package_server
from tests.fixtures.packages import good_package, trust
from tests.fixtures.swap_zygote import TOPICS, open_manager

from davy.adapters import mqtt
from davy.deployment.model_folder import ModelPointer
from davy.domain.ports import Message
from davy.twin.model import DesiredModel, Evaluation, ModelState
from davy.twin.state_file import StateFile

STEPS = [
    "model.downloading",
    "model.downloaded",
    "model.admitted",
    "model.verifying",
    "model.shadow",
    "model.validated",
    "atomic.written",
    "model.persisted",
    "model.applied",
    "model.probation",
    "model.confirmed",
]
PAIR = [good_package("one"), good_package("two")]
ROOT = Path(__file__).parents[2]


class Killed:
    """An edge that gets one desired model after the other, and is killed meanwhile."""

    def __init__(self, folder: Path, bus: mqtt.MqttBus, zygote: asyncio.subprocess.Process) -> None:
        self.folder, self.bus, self.zygote, self.epoch = folder, bus, zygote, 0

    async def desire(self) -> str:
        """Another model than the one that runs; its package is not on the disk."""
        self.epoch += 1
        package = PAIR[self.epoch % 2]
        (self.folder / "epoch").write_text(str(self.epoch))
        (self.folder / "models" / "packages" / f"{package.id}.zip").unlink(missing_ok=True)
        desired = DesiredModel(
            epoch=self.epoch,
            model=package.id,
            sha256=package.sha256,
            size=len(package.data),
            trial=Evaluation(shadow_frames=2, probation_s=0.08),
        )
        await self.bus.publish(Message(TOPICS.desired_model, desired.to_bytes(), 1, retain=True))
        return package.id

    async def start(self, failpoint: str = "-") -> int:
        assert self.zygote.stdin
        self.zygote.stdin.write(f"{failpoint}\n".encode())
        return await self._line()

    async def ended(self) -> int:
        async with asyncio.timeout(20):
            return await self._line()

    async def _line(self) -> int:
        assert self.zygote.stdout
        line = await self.zygote.stdout.readline()
        assert line, "the zygote ended"
        return int(line)

    def active(self) -> ModelPointer:
        """The pointer, after its model was loaded as a boot does it."""
        file = StateFile(self.folder / "models", ModelPointer())
        pointer = file.pointer
        models = open_manager(self.folder)
        if pointer.active:
            assert models.running.model == PAIR[0].manifest.frame_id
        assert models.pointer.active == pointer.active, "what the pointer named was no good"
        file.update(**dict(pointer))  # as if it had not been loaded
        return pointer


@asynccontextmanager
async def killed_edge(mosquitto, folder: Path):
    trust().save(folder / "trust.json")
    (folder / "models" / "packages").mkdir(parents=True)
    packages = Packages({package.id: package.data for package in PAIR}, chunk=100_000)
    async with package_server(packages) as server, mqtt.connect(mosquitto.endpoint, "hand") as bus:
        await until(lambda: bus.connected)
        arguments = [sys.executable, "-m", "tests.fixtures.swap_zygote", str(folder), mosquitto.endpoint, server.endpoint]
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
        zygote = await asyncio.create_subprocess_exec(*arguments, cwd=ROOT, **pipes)
        try:
            yield Killed(folder, bus, zygote)
        finally:
            assert zygote.stdin
            zygote.stdin.close()
            await zygote.wait()


async def check(edge: Killed, before: str, wanted: str) -> None:
    found = edge.active()
    assert found.active in (before, wanted)
    await edge.start()
    assert await edge.ended() == 0
    after = edge.active()
    assert (after.active, after.state) == (wanted, ModelState.ACTIVE)


@pytest.mark.system
async def test_f06_killed_at_every_step(mosquitto, tmp_path):
    async with killed_edge(mosquitto, tmp_path) as edge:
        before = ""
        for step in STEPS:
            wanted = await edge.desire()
            await edge.start(step)
            assert await edge.ended() == -signal.SIGKILL, step
            await check(edge, before, wanted)
            before = wanted


async def random_kills(mosquitto, folder: Path, count: int, seed: int) -> None:
    """Until so many died of it; some have done before they are killed."""
    chance, died = random.Random(seed), 0
    async with killed_edge(mosquitto, folder) as edge:
        before = ""
        while died < count:
            wanted = await edge.desire()
            child = await edge.start()
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            died += await edge.ended() == -signal.SIGKILL
            await check(edge, before, wanted)
            before = wanted


@pytest.mark.system
async def test_f06_killed_at_random(mosquitto, tmp_path):
    await random_kills(mosquitto, tmp_path, 3, 6)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_f06_killed_at_random_a_hundred_times(mosquitto, tmp_path):
    await random_kills(mosquitto, tmp_path, 100, 7)
