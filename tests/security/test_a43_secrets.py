"""A43: passwords were shown by /readyz, /v1/site, logs and the check of a site's file. No canary leaves the process."""

import logging

import pytest
from prometheus_client import generate_latest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.edges import edge

from davy.adapters.grpc import ingest_client
from davy.domain.errors import ConfigError
from davy.site import SiteConfig
from davy_cli import site as site_commands

pytestmark = pytest.mark.system

CANARY = "canary-4711"
PATHS = (
    *("/readyz", "/v1/site", "/v1/edges", "/v1/cameras", "/v1/configs", "/v1/edges/north/config"),
    *("/v1/edges/north/config/history", "/v1/events", "/v1/fleet", "/metrics"),
)


@pytest.fixture(autouse=True)
def log_of_all(caplog):
    caplog.set_level(logging.INFO)


def secret_site() -> SiteConfig:
    camera = {"source": f"rtsp://admin:{CANARY}-camera@127.0.0.1:9/1", "timeout_s": 0.3}
    return make_site(
        f"mqtt://user:{CANARY}-broker@127.0.0.1:9",
        f"redis://user:{CANARY}-cache@127.0.0.1:9/0",
        north={"cameras": {"face": camera}},
        thin={"enhance": "pool", "cameras": {"cam": camera}},
    ).model_copy(update={"aggregator": f"grpc://user:{CANARY}-grpc@127.0.0.1:9"})


async def test_a43_no_password_in_rest_readiness_metrics_and_logs_of_the_aggregator(tmp_path, caplog):
    async with running(make_settings(tmp_path), secret_site()) as aggregator:
        change = {"config": {"cameras": {"face": {"source": f"http://u:{CANARY}@10.0.0.1/x?token={CANARY}"}}}, "why": "t"}
        assert (await aggregator.client.put("/v1/edges/north/config", json=change)).status_code == 200
        bad = {"config": {"cameras": {"face": {"source": f"http://u:{CANARY}@10.0.0.1:99999/"}}}}
        refused = await aggregator.client.put("/v1/edges/north/config", json=bad)
        assert refused.status_code == 422
        await until(lambda: _names_the_cache(aggregator))
        for path in PATHS:
            assert CANARY not in (await aggregator.get(path)).text, path
    assert CANARY not in refused.text
    assert CANARY not in caplog.text


async def _names_the_cache(aggregator) -> bool:
    return "127.0.0.1:9" in (await aggregator.get("/readyz")).text


async def test_a43_no_password_in_metrics_health_and_logs_of_an_edge(tmp_path, caplog):
    site = secret_site()
    async with edge(site, tmp_path, edge="north") as now:
        await until(lambda: "ingest.unavailable" in caplog.text and "camera.lost" in caplog.text, 20)
        assert CANARY not in generate_latest(now.registry).decode()
    assert CANARY not in caplog.text


async def test_a43_no_password_in_errors_of_addresses():
    for endpoint in (f"http://u:{CANARY}@h", f"grpc://u:{CANARY}@h:99999"):
        with pytest.raises(ConfigError) as error:
            async with ingest_client.connect(endpoint):
                pass
        assert CANARY not in str(error.value)


def test_a43_no_password_in_the_check_of_a_sites_file(tmp_path, capsys):
    path = tmp_path / "site.yaml"
    path.write_text(f"site: demo\nedges: {{a: {{cameras: {{c: {{source: 'rtsp://u:{CANARY}@10.0.0.1/1'}}}}}}}}\n")
    site_commands.check(path)
    assert CANARY not in capsys.readouterr().out
