import json
import socket
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, suppress

import pytest
from prometheus_client import CollectorRegistry, Counter

from davy.adapters.http import telemetry
from davy.adapters.http.telemetry import serve_telemetry
from davy.domain.errors import AddressUnavailableError

pytestmark = pytest.mark.system


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


def test_a16_slow_clients_are_cut_off_and_others_are_served(monkeypatch):
    monkeypatch.setattr(telemetry, "MAX_REQUEST_S", 1.0)
    with serve_telemetry("127.0.0.1", 0, CollectorRegistry(), dict) as port, ExitStack() as stack:
        crowd = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(2 * telemetry.MAX_CONNECTIONS)]
        for each in crowd:
            stack.enter_context(each)
        deadline_s = time.monotonic() + 10
        answered = False
        while not answered and time.monotonic() < deadline_s:
            for each in crowd:
                with suppress(OSError):
                    each.send(b"G")
            with suppress(OSError):
                answered = get(port, "/healthz") == b"{}"
        assert answered
