import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from davy.adapters.http.listen_settings import HttpPort, ListenSettings
from davy.adapters.tls.settings import TlsSettings
from davy.domain.errors import ConfigError
from davy_aggregator.settings import AggregatorSettings


class ServiceSettings(ListenSettings, BaseSettings, env_prefix="DAVY_TEST_", frozen=True):
    port: HttpPort = 8080


def test_a_service_sets_its_ports_and_the_environment_wins(monkeypatch):
    monkeypatch.setenv("DAVY_TEST_GRPC_PORT", "50051")
    settings = ServiceSettings()
    assert (settings.host, settings.port, settings.grpc_port) == ("127.0.0.1", 8080, 50051)


def test_a_port_above_65535_is_refused():
    with pytest.raises(ValidationError):
        ServiceSettings(port=65536)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_open_access_is_for_loopback(host):
    ServiceSettings(host=host, access="open").check_exposure()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "mine.example", ""])
def test_other_addresses_need_identities(host, tmp_path):
    with pytest.raises(ConfigError, match="open access is for this machine alone"):
        ServiceSettings(host=host, access="open", behind_tls_proxy=True).check_exposure()
    with pytest.raises(ConfigError, match="give this program an identity"):
        ServiceSettings(host=host).check_exposure()
    ServiceSettings(host=host, behind_tls_proxy=True).check_exposure()
    ServiceSettings(host=host, tls=TlsSettings(folder=tmp_path)).check_exposure()


def test_a_service_is_closed_unless_it_is_told_otherwise():
    assert ServiceSettings().access == "closed"


def test_grpc_on_another_address_counts_as_well():
    with pytest.raises(ConfigError, match=r"listen on 127\.0\.0\.1 instead of 10\.0\.0\.5"):
        AggregatorSettings(access="open", grpc_host="10.0.0.5").check_exposure()
