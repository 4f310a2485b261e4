"""A scenario run: the demo, the training service and the steps, from the first frame to the report."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from prometheus_client import CollectorRegistry

from davy.adapters.storage.model_registry import ModelRegistry
from davy.adapters.tls.settings import PLAIN
from davy.imaging.runtime import StillEnhancer
from davy.models.keyring import TRUST
from davy.streams.tasks import end
from davy_demo.all_in_one import AllInOne
from davy_demo.scenario.comparison import Comparison, compare_models
from davy_demo.scenario.report import Check, write_report
from davy_demo.scenario.setup import CHANGED, OTHERS, SIZE, Timing, edge_settings, scenario_site, trainer_settings
from davy_demo.scenario.steps import Outcome, Report, ScenarioSteps
from davy_demo.scenario.timeline import Timeline, record_timeline
from davy_demo.settings import DemoSettings
from davy_simulator.change import USUAL, parse_change
from davy_simulator.places import PLACES
from davy_trainer.service import app as trainer
from davy_trainer.service.settings import TrainerSettings

REST_TIMEOUT_S = 30.0


async def run_scenario(change: str, training_steps: int, data: Path, out: Path, timing: Timing, report: Report) -> list[Check]:
    """Run the scenario and write its report to `out`.

    Args:
        change: Change of the gallery's light, as the query of a `simulator://` source.
        training_steps: Number of training steps.
        data: Data folder of the services.

    Raises:
        ScenarioFailedError: a step timed out.
    """
    settings = DemoSettings(
        data=data, access="open", table="off", console_port=0, grpc_port=0, mqtt_port=0, enhancer_port=0, enhancer_grpc_port=0
    )
    mine = AllInOne(settings, scenario_site(change, timing), edge_settings(timing))
    training_port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    timeline = Timeline()
    steps = asyncio.create_task(_run_steps(mine, training_port, timeline, timing, report), name="scenario.steps")
    services = [
        asyncio.create_task(mine.run(), name="scenario.demo"),
        asyncio.create_task(_trainer(mine, training_port, training_steps), name="scenario.trainer"),
    ]
    try:
        await asyncio.wait([steps, *services], return_when=asyncio.FIRST_COMPLETED)
        for ended in [task for task in services if task.done()]:
            ended.result()
            raise RuntimeError(f"{ended.get_name()} ended before the scenario did")
        outcome, live = steps.result()
    finally:
        for task in (steps, *services):
            await end(task)
    comparisons = await asyncio.to_thread(_compare, mine, change, str(outcome.rollout["model"]), data)
    return await asyncio.to_thread(write_report, out, timeline, outcome, comparisons, live)


async def _run_steps(
    mine: AllInOne, training_port: asyncio.Future[int], timeline: Timeline, timing: Timing, report: Report
) -> tuple[Outcome, Mapping[str, tuple[float, float]]]:
    running, host = mine.running, mine.settings.host
    await running.listening.wait()
    await running.all_delivered.wait()
    async with AsyncExitStack() as stack:
        addresses = f"http://{host}:{running.addresses.console}", f"http://{host}:{await training_port}"
        aggregator, training = [
            await stack.enter_async_context(httpx.AsyncClient(base_url=address, timeout=REST_TIMEOUT_S))
            for address in addresses
        ]
        recording = asyncio.create_task(
            record_timeline(timeline, aggregator, mine.mine, running.views), name="scenario.timeline"
        )
        steps = ScenarioSteps(timeline, aggregator, training, timing, report)
        steps.record(f"every camera delivers frames; console {addresses[0]}, training {addresses[1]}")
        try:
            await steps.light_changes(timing.change_at - mine.seconds())
            await steps.drift_rises()
            await steps.run_starts_and_ends()
            await steps.model_rolls_out()
            await asyncio.sleep(timing.measured)
            live = _delivered_psnr(timeline, steps.outcome, timing)
            await steps.bad_models(mine.registry_url, mine.keys)
        finally:
            await end(recording)
    return steps.outcome, live


async def _trainer(mine: AllInOne, port: asyncio.Future[int], steps: int) -> None:
    await mine.running.listening.wait()
    settings = TrainerSettings(
        host=mine.settings.host,
        port=0,
        data=mine.settings.data / "trainer",
        aggregator=f"http://{mine.settings.host}:{mine.running.addresses.console}",
        registry=mine.registry_url,
        keys=mine.keys,
        grpc_port=0,
        access="open",
        tls=PLAIN,
        rollout_grpc=f"grpc://{mine.settings.host}:{mine.running.addresses.grpc}",
        **trainer_settings(steps),
    )
    await trainer.serve(settings, CollectorRegistry(), ready=lambda ports: port.set_result(ports.http))


def _delivered_psnr(timeline: Timeline, outcome: Outcome, timing: Timing) -> dict[str, tuple[float, float]]:
    """Return the mean PSNR of delivered pictures in the changed light, before and after the new model, by camera."""
    names = {each.camera for each in timeline.observations}
    until = min(outcome.changed_at + 4 + timing.measured, outcome.swapped_at)
    return {
        name: (
            timeline.mean_psnr(name, outcome.changed_at + 4, until),
            timeline.mean_psnr(name, outcome.swapped_at, outcome.swapped_at + timing.measured),
        )
        for name in sorted(names)
    }


def _compare(mine: AllInOne, change: str, model: str, data: Path) -> list[Comparison]:
    registry = ModelRegistry(mine.registry_url, mine.keys / TRUST)
    path = data / "scenario-model.onnx"
    path.write_bytes(registry.open(registry.get(model)).onnx)
    parameters: dict[str, Any] = dict(parse_qsl(change))
    places = [(CHANGED[1], parse_change(parameters, PLACES[CHANGED[1]])[0]), *((camera, USUAL) for _, camera in OTHERS)]
    return compare_models(mine.mine, places, StillEnhancer(), StillEnhancer(path), SIZE)
