import pytest
from pydantic import ValidationError

from davy.adapters.tls import Tls, TlsSettings
from davy.adapters.tls.settings import PLAIN
from davy.domain.errors import ConfigError
from davy_aggregator.settings import AggregatorSettings
from davy_edge.settings import EdgeSettings


def test_without_settings_nothing_is_encrypted():
    assert Tls.of(TlsSettings()) is None


def test_one_folder_serves_every_program_and_each_may_have_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("DAVY_TLS_FOLDER", str(tmp_path / "all"))
    monkeypatch.setenv("DAVY_EDGE_TLS__FOLDER", str(tmp_path / "edge"))
    assert AggregatorSettings().tls.files().cert == tmp_path / "all" / "cert.pem"
    assert EdgeSettings().tls.files().cert == tmp_path / "edge" / "cert.pem"
    assert AggregatorSettings(tls=PLAIN).tls.files() is None


@pytest.mark.parametrize(
    "values", [{"cert": "c"}, {"cert": "c", "key": "k"}, {"crl": "l"}, {"renew_url": "https://a"}, {"min_version": "1.1"}]
)
def test_an_incomplete_identity_is_refused(values):
    with pytest.raises(ValidationError):
        TlsSettings(**values)


def test_renewal_goes_over_https_only(tmp_path):
    with pytest.raises(ValidationError):
        TlsSettings(folder=tmp_path, renew_url="http://aggregator:8080")


def test_an_absent_file_stops_the_start_and_says_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match="davy identity issue"):
        Tls.of(TlsSettings(folder=tmp_path))
