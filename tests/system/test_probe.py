"""The health check of the containers, without containers."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from tests.fixtures.identities import Identities
from tests.fixtures.tls_front import tls_front

from davy.adapters.http.telemetry import serve_telemetry
from davy.identity.credentials import CA, CERT, KEY

ROOT = Path(__file__).resolve().parents[2]
PROBE = ROOT / "infra" / "probe.sh"

pytestmark = pytest.mark.skipif(not (shutil.which("bash") and shutil.which("openssl")), reason="needs bash and openssl")


def healthy(*words: object) -> bool:
    return subprocess.run([PROBE, *map(str, words)], check=False, capture_output=True, timeout=20).returncode == 0


@pytest.fixture
def port() -> Iterator[int]:
    with serve_telemetry("127.0.0.1", 0, CollectorRegistry(), lambda: {"ready": True}) as port:
        yield port


def test_a_service_that_answers_is_healthy(port):
    assert healthy(f"http://127.0.0.1:{port}/healthz")


def test_a_service_that_answers_otherwise_or_not_at_all_is_not(port):
    assert not healthy(f"http://127.0.0.1:{port}/nowhere")
    assert not healthy("http://127.0.0.1:9/healthz")


def test_a_service_behind_tls_is_known_by_its_authority(port, tmp_path):
    identities = Identities.make(tmp_path)
    identities.write("aggregator/main")
    folder = identities.path("aggregator/main")
    with tls_front(port, folder / CERT, folder / KEY) as secured:
        assert healthy(f"https://localhost:{secured}/healthz", folder / CA)
        assert not healthy(f"https://localhost:{secured}/nowhere", folder / CA)
        stranger = Identities.make(tmp_path / "stranger")
        stranger.write("aggregator/main")
        assert not healthy(f"https://localhost:{secured}/healthz", stranger.path("aggregator/main") / CA)


def test_no_container_starts_python_for_its_health():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ours = {name: each["healthcheck"]["test"] for name, each in services.items() if "build" in each and "healthcheck" in each}
    assert len(ours) == 7
    assert all(words[:2] == ["CMD", "probe"] and re.fullmatch(r"https?://\S+", words[2]) for words in ours.values())
