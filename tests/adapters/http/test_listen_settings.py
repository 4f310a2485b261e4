import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from davy.adapters.http.listen_settings import HttpPort, ListenSettings


class ServiceSettings(ListenSettings, BaseSettings, env_prefix="DAVY_TEST_", frozen=True):
    port: HttpPort = 8080


def test_a_service_sets_its_ports_and_the_environment_wins(monkeypatch):
    monkeypatch.setenv("DAVY_TEST_GRPC_PORT", "50051")
    settings = ServiceSettings()
    assert (settings.host, settings.port, settings.grpc_port) == ("127.0.0.1", 8080, 50051)


def test_a_port_above_65535_is_refused():
    with pytest.raises(ValidationError):
        ServiceSettings(port=65536)
