"""What a process holds while it works and nothing else happens."""

import asyncio

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import pick_port
from tests.faults.programs import program
from tests.fixtures.edges import site_of

pytestmark = pytest.mark.system
BEFORE_SINKS = ("capture", "enhance", "encode")


def unexplained(metrics: str) -> float:
    """captured - enhanced - dropped - in flight: what no account knows of."""
    total = 0.0
    signs = {"davy_frames_captured_total": 1, "davy_frames_enhanced_total": -1, "davy_frames_in_flight": -1}
    for family in text_string_to_metric_families(metrics):
        for sample in family.samples:
            dropped = sample.name == "davy_frames_dropped_total" and sample.labels["stage"] in BEFORE_SINKS
            total += sample.value * (-1 if dropped else signs.get(sample.name, 0))
    return total


@pytest.mark.parametrize(
    ("warm_s", "seconds", "growth_bytes"),
    [
        pytest.param(6, 10, 4_000_000, marks=pytest.mark.slow),
        pytest.param(300, 600, 1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
    ],
)
async def test_f26_an_edge_at_work_keeps_its_memory_and_its_files(mosquitto, pictures, tmp_path, warm_s, seconds, growth_bytes):
    port = pick_port()
    site = site_of(pictures, mosquitto.endpoint)
    with program(tmp_path, site, "edge", "--edge", "north", "--metrics-port", str(port)) as edge:
        watched = psutil.Process(edge.pid)
        await asyncio.sleep(warm_s)
        rss, files = watched.memory_info().rss, watched.num_fds()
        await asyncio.sleep(seconds)
        assert watched.memory_info().rss - rss <= growth_bytes
        assert abs(watched.num_fds() - files) <= 2
        async with httpx.AsyncClient(verify=False) as client:
            metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        assert unexplained(metrics) == 0
        assert "davy_frames_enhanced_total" in metrics
