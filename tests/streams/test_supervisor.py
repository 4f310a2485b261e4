import asyncio

from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import until

from davy.streams.reconnect import Backoff
from davy.streams.supervisor import Supervisor
from davy.streams.tasks import end

FAST = Backoff(0.01, 0.02)


async def test_a_component_that_fails_restarts_and_degrades_its_service_by_name_until_it_works():
    health: dict[str, str] = {}
    registry = CollectorRegistry()
    supervisor = Supervisor("test", registry, health.__setitem__, FAST, stable_s=0.2)
    starts, others = [], []

    async def bad() -> None:
        starts.append(1)
        if len(starts) <= 3:
            raise ValueError("a bug")
        await asyncio.Event().wait()

    async def good() -> None:
        others.append(1)
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(supervisor.run("bad", bad)), asyncio.create_task(supervisor.run("good", good))]
    await until(lambda: "ValueError: a bug" in health.get("bad", ""))
    await until(lambda: health["bad"] == "")
    assert (len(starts), len(others)) == (4, 1)
    assert registry.get_sample_value("davy_component_restarts_total", {"component": "bad"}) == 3
    await end(*tasks)


async def test_a_component_that_was_stable_before_it_failed_does_not_degrade():
    health: dict[str, str] = {}
    supervisor = Supervisor("test", CollectorRegistry(), health.__setitem__, FAST, stable_s=0.05)
    starts = []

    async def component() -> None:
        starts.append(1)
        await asyncio.sleep(0.1)
        raise OSError("lost")

    task = asyncio.create_task(supervisor.run("component", component))
    await until(lambda: len(starts) >= 3)
    await end(task)
    assert health.get("component", "") == ""
