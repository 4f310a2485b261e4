"""Mine, training service and acts together, from the first frame to the report."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from prometheus_client import CollectorRegistry

from davy.adapters.storage.model_registry import ModelRegistry
from davy.imaging.runtime import StillEnhancer
from davy.models.keyring import TRUST
from davy.streams.tasks import end
from davy_demo.all_in_one import ColocatedMine
from davy_demo.scenario.comparison import Judged, judge
from davy_demo.scenario.report import Check, write_report
from davy_demo.scenario.setup import CHANGED, OTHERS, SIZE, Timing, edge_settings, stage, trainer_settings
from davy_demo.scenario.steps import Acts, Tell
from davy_demo.scenario.timeline import Diary, keep
from davy_demo.settings import ColocatedSettings
from davy_simulator.change import USUAL, parse_change
from davy_simulator.places import PLACES
from davy_trainer.service import app as trainer
from davy_trainer.service.settings import TrainerSettings

REST_TIMEOUT_S = 30.0


async def play(change: str, steps: int, data: Path, out: Path, timing: Timing, tell: Tell) -> list[Check]:
    """Play the story, write its report to `out`.

    Args:
        change: what befalls the gallery's light, the query of a `mine://` source.
        steps: of training.
        data: everything that services keep.

    Raises:
        StoryFailedError: something did not happen, or not in time.
    """
    settings = ColocatedSettings(
        data=data, table="off", console_port=0, grpc_port=0, mqtt_port=0, enhancer_port=0, enhancer_grpc_port=0
    )
    mine = ColocatedMine(settings, stage(change, timing), edge_settings(timing))
    training_port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    diary = Diary()
    acts = asyncio.create_task(_acts(mine, training_port, diary, timing, tell), name="story.acts")
    services = [
        asyncio.create_task(mine.run(), name="story.mine"),
        asyncio.create_task(_trainer(mine, training_port, steps), name="story.trainer"),
    ]
    try:
        await asyncio.wait([acts, *services], return_when=asyncio.FIRST_COMPLETED)
        for ended in [task for task in services if task.done()]:
            ended.result()
            raise RuntimeError(f"{ended.get_name()} ended before the story did")
        played, live = acts.result()
    finally:
        for task in (acts, *services):
            await end(task)
    told = played.told
    judged = await asyncio.to_thread(_judged, mine, change, str(told.rollout["model"]), data)
    return await asyncio.to_thread(write_report, out, diary, told, judged, live)


async def _acts(
    mine: ColocatedMine, training_port: asyncio.Future[int], diary: Diary, timing: Timing, tell: Tell
) -> tuple[Acts, Mapping[str, tuple[float, float]]]:
    running, host = mine.running, mine.settings.host
    await running.listening.wait()
    await running.seen.wait()
    async with AsyncExitStack() as stack:
        addresses = f"http://{host}:{running.addresses.console}", f"http://{host}:{await training_port}"
        cloud, training = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=REST_TIMEOUT_S))
            for address in addresses
        ]
        keeping = asyncio.create_task(keep(diary, cloud, mine.mine, running.views), name="story.keep")
        acts = Acts(diary, cloud, training, timing, tell)
        acts.note(f"every camera delivers; console {addresses[0]}, training {addresses[1]}")
        try:
            await acts.light_changes(timing.change_at - mine.seconds())
            await acts.drift_rises()
            await acts.run_starts_and_ends()
            await acts.fleet_takes_it()
            await asyncio.sleep(timing.measured)
            live = _live(diary, acts, timing)
            await acts.bad_models(mine.registry_url, mine.keys)
        finally:
            await end(keeping)
    return acts, live


async def _trainer(mine: ColocatedMine, port: asyncio.Future[int], steps: int) -> None:
    await mine.running.listening.wait()
    settings = TrainerSettings(
        host=mine.settings.host,
        port=0,
        data=mine.settings.data / "trainer",
        aggregator=f"http://{mine.settings.host}:{mine.running.addresses.console}",
        registry=mine.registry_url,
        keys=mine.keys,
        grpc_port=0,
        rollout_grpc=f"grpc://{mine.settings.host}:{mine.running.addresses.grpc}",
        **trainer_settings(steps),
    )
    await trainer.serve(settings, CollectorRegistry(), ready=lambda ports: port.set_result(ports.http))


def _live(diary: Diary, acts: Acts, timing: Timing) -> dict[str, tuple[float, float]]:
    """PSNR of delivered pictures under the changed light: before the training run began, and after the new model came."""
    told = acts.told
    names = {look.camera for look in diary.looks}
    until = min(told.changed_at + 4 + timing.measured, told.swapped_at)
    return {
        name: (
            diary.mean_psnr(name, told.changed_at + 4, until),
            diary.mean_psnr(name, told.swapped_at, told.swapped_at + timing.measured),
        )
        for name in sorted(names)
    }


def _judged(mine: ColocatedMine, change: str, model: str, data: Path) -> list[Judged]:
    registry = ModelRegistry(mine.registry_url, mine.keys / TRUST)
    path = data / "story-model.onnx"
    path.write_bytes(registry.open(registry.get(model)).onnx)
    words: dict[str, Any] = dict(parse_qsl(change))
    places = [(CHANGED[1], parse_change(words, PLACES[CHANGED[1]])[0]), *((camera, USUAL) for _, camera in OTHERS)]
    return judge(mine.mine, places, StillEnhancer(), StillEnhancer(path), SIZE)
