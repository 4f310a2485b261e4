"""An edge, an aggregator, a broker and Redis, all of them with certificates alone; the edge renews its own."""

import asyncio
import shutil
from contextlib import suppress

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tests.adapters.tls.test_mqtt import address, secure_broker
from tests.adapters.tls.test_redis import secure_redis
from tests.conftest import MOSQUITTO
from tests.fixtures.cameras import picture
from tests.fixtures.edges import edge, until
from tests.fixtures.identities import Identities

from davy.adapters.media import jpeg
from davy.adapters.tls import client_context
from davy.analysis.settings import AnalysisSettings
from davy.identity import CredentialFiles
from davy.site import SiteConfig
from davy_aggregator.app import serve
from davy_aggregator.settings import AggregatorSettings

LIFE_S, RUN_S = 9, 14  # renewed after two thirds of its life, twice in this time
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(MOSQUITTO is None or shutil.which("redis-server") is None, reason="needs mosquitto and redis-server"),
]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg.encode(picture(30 + 10 * number), 95))
    return f"file://{folder}"


def make_site(source, **wires) -> SiteConfig:
    camera = {"source": source, "fps": 10}
    return SiteConfig.model_validate({"site": "demo", "edges": {"west": {"cameras": {"face": camera}}}, **wires})


@pytest.mark.alone
async def test_an_edge_with_a_certificate_of_seconds_outlives_it_without_a_lost_frame(tmp_path, pictures):
    identities, ready = Identities.make(tmp_path / "identities"), asyncio.get_running_loop().create_future()
    with secure_broker(identities) as broker, secure_redis(identities) as cache:
        identities.write("aggregator/main")
        settings = AggregatorSettings(
            port=0,
            grpc_port=0,
            data=tmp_path / "aggregator",
            access="closed",
            analysis=AnalysisSettings(enabled=False),
            authority=identities.authority.folder,
            tls=identities.settings("aggregator/main"),
        )
        wires = {"broker": address(broker), "cache": cache}
        serving = asyncio.create_task(serve(settings, make_site(pictures, **wires), CollectorRegistry(), ready.set_result))
        try:
            ports = await ready
            console = f"https://localhost:{ports.http}"
            first = identities.write("edge/west", days=LIFE_S / 86_400)
            site = make_site(pictures, aggregator=f"grpcs://localhost:{ports.grpc}", **wires)
            own = identities.settings("edge/west", renew_url=console)
            async with edge(site, tmp_path / "edge", tls=own) as running:
                await until(lambda: running.value("davy_frames_sent_total", sink="grpc") > 3, 30)
                await asyncio.sleep(RUN_S)
                last = CredentialFiles.in_folder(identities.path("edge/west")).read()
                assert last.certificate.not_valid_before_utc > first.certificate.not_valid_before_utc
                before = running.value("davy_frames_sent_total", sink="grpc")
                await until(lambda: running.value("davy_frames_sent_total", sink="grpc") > before + 5)
                assert running.value("davy_frames_dropped_total", stage="grpc", reason="offline") == 0
                assert running.value("davy_frames_dropped_total", stage="mqtt", reason="offline") <= 1
                assert await readiness(console, identities)
        finally:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving


async def readiness(console, identities) -> bool:
    async with httpx.AsyncClient(verify=client_context(identities.tls("program/probe")), trust_env=False) as client:
        return (await client.get(f"{console}/readyz")).json()["status"] in ("ready", "ok")
