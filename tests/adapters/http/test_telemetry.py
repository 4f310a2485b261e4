import json
import urllib.error
import urllib.request

import pytest
from prometheus_client import CollectorRegistry, Counter

from davy.adapters.http.telemetry import serve_telemetry
from davy.domain.errors import AddressUnavailableError


def get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
        return answer.read()


def test_metrics_and_health_are_served():
    registry = CollectorRegistry()
    Counter("davy_lamps", "Lamps.", registry=registry).inc(3)
    with serve_telemetry("127.0.0.1", 0, registry, lambda: {"status": "ok"}) as port:
        assert b"davy_lamps_total 3.0" in get(port, "/metrics")
        assert json.loads(get(port, "/healthz")) == {"status": "ok"}
        with pytest.raises(urllib.error.HTTPError, match="404") as caught:
            get(port, "/other")
        caught.value.close()


def test_a_port_that_is_taken_says_so():
    with (
        serve_telemetry("127.0.0.1", 0, CollectorRegistry(), dict) as port,
        pytest.raises(AddressUnavailableError, match=f"127.0.0.1:{port}"),
        serve_telemetry("127.0.0.1", port, CollectorRegistry(), dict),
    ):
        pass
