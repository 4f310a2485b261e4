"""A secret may stand in a file: a secret of compose, or a credential of systemd."""

import pytest

from davy.domain.errors import ConfigError
from davy.domain.secret_files import read_secret
from davy.site import load_site
from davy_aggregator.settings import AggregatorSettings

SITE = "site: demo\nedges: {north: {cameras: {face-1: {source: 'simulator://face'}}}}\n"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_text("mqtt://u:s3 cret#1@10.0.0.5\n")
    return path


@pytest.fixture
def site_file(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


def test_the_variable_wins_over_its_file_and_the_file_over_the_credential(tmp_path):
    for name in ("davy-broker", "broker"):
        (tmp_path / name).write_text(f"{name}\n")
    environ = {"DAVY_BROKER": "text", "DAVY_BROKER_FILE": str(tmp_path / "broker"), "CREDENTIALS_DIRECTORY": str(tmp_path)}
    found = []
    for name in list(environ):
        found.append(read_secret("DAVY_BROKER", environ))
        environ.pop(name)
    assert [*found, read_secret("DAVY_BROKER", environ)] == ["text", "broker", "davy-broker", ""]


def test_an_unreadable_file_is_an_error_that_names_variable_and_path(tmp_path):
    with pytest.raises(ConfigError, match=r"DAVY_BROKER_FILE: .*nothing cannot be read: No such file"):
        read_secret("DAVY_BROKER", {"DAVY_BROKER_FILE": str(tmp_path / "nothing")})


def test_a_site_takes_broker_cache_and_source_from_files(site_file, secret, tmp_path):
    cache, source = tmp_path / "davy-cache", tmp_path / "source"
    cache.write_text("redis://:pw@10.0.0.5")
    source.write_text("rtsp://u:pw@10.0.0.6/1")
    site = load_site(
        site_file,
        {
            "DAVY_BROKER_FILE": str(secret),
            "CREDENTIALS_DIRECTORY": str(tmp_path),
            "DAVY_EDGES__NORTH__CAMERAS__FACE_1__SOURCE_FILE": str(source),
        },
    )
    assert site.broker.get_secret_value() == "mqtt://u:s3 cret#1@10.0.0.5"
    assert site.cache.get_secret_value() == "redis://:pw@10.0.0.5"
    assert site.edges["north"].cameras["face-1"].source.get_secret_value() == "rtsp://u:pw@10.0.0.6/1"


def test_settings_take_the_database_from_a_file(tmp_path, monkeypatch):
    (tmp_path / "url").write_text("postgresql://davy:s3cret@10.0.0.5/davy\n")
    monkeypatch.setenv("DAVY_AGGREGATOR_DATABASE_FILE", str(tmp_path / "url"))
    settings = AggregatorSettings()
    assert settings.database.get_secret_value() == "postgresql://davy:s3cret@10.0.0.5/davy"
    assert "s3cret" not in f"{settings!r} {settings.model_dump()} {settings.model_dump_json()}"
