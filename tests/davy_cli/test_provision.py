"""`davy provision`: one command after which a closed site starts; a real Mosquitto runs its files."""

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from tests.conftest import MOSQUITTO, Mosquitto, pick_port
from tests.fixtures.identities import Identities
from typer.testing import CliRunner

from davy.adapters.mqtt.mosquitto import PLUGIN_OF_IMAGE, find_plugin
from davy.adapters.storage.opening import open_database
from davy.identity import Authority, CredentialFiles, Identity
from davy_cli import provision

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(tmp_path):
    def run(*words: str) -> str:
        places = [
            "--out",
            str(tmp_path / "identities"),
            "--data",
            str(tmp_path / "data"),
            "--config",
            str(ROOT / "infra/site.yaml"),
        ]
        result = CliRunner().invoke(provision.app, [*places, "--broker-folder", str(tmp_path / "identities/broker"), *words])
        return result.output + (str(result.exception) if result.exception else "")

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_everything_that_is_missing_is_made_and_what_exists_stays(run, tmp_path):
    said, identities = run(), tmp_path / "identities"
    assert re.search(r"name +admin\npassword +\S{12,}", said), said
    names = {path.name for path in identities.iterdir()}
    assert names >= {
        "aggregator",
        "authority",
        "broker",
        "edge-north",
        "edge-south",
        "edge-west",
        "enhancer",
        "redis",
        "trainer",
    }
    assert CredentialFiles.in_folder(identities / "edge-west").read().identity == Identity.parse("davy://demo/edge/west")
    before = files(identities)
    assert run().splitlines()[-1].startswith("ready ")
    assert files(identities) == before
    secret = [
        path for path in identities.rglob("*") if path.name in ("key.pem", "ca-key.pem", "passwords", "access.env", "token")
    ]
    assert len(secret) >= 12
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in secret)


def test_a_certificate_near_its_end_is_replaced(run, tmp_path):
    run()
    identities = tmp_path / "identities"
    Identities(Authority.open(identities / "authority"), identities).aged("edge/west")
    assert "davy://demo/edge/west" in run()


def test_an_authority_of_another_site_is_refused(run, tmp_path):
    Authority.create(tmp_path / "identities" / "authority", "othermine")
    assert "is the authority of site othermine, not of demo" in run()


def test_an_owner_is_a_folder_and_a_number(run):
    assert "write FOLDER=UID" in run("--owner", "broker")


def test_the_password_signs_the_administrator_in(run, tmp_path):
    from davy.access.secrets import verify_password
    from davy.adapters.storage.access_store import AccessStore

    password = re.findall(r"password +(\S+)", run())[0]
    database = open_database(tmp_path / "data")
    user = AccessStore(database).user("admin")
    database.close()
    assert user is not None and verify_password(password, user.password)


def test_mosquitto_runs_its_files_and_asks_for_certificates_and_passwords(run, tmp_path):
    plugin = find_plugin()
    if MOSQUITTO is None or plugin is None:
        pytest.skip("mosquitto is not installed, or without its dynamic security plugin")
    run()
    identities, inside, people = tmp_path / "identities", pick_port(), pick_port()
    config = identities / "broker" / "mosquitto.conf"
    text = (
        config.read_text()
        .replace("listener 8883", f"listener {inside} 127.0.0.1")
        .replace("listener 8884", f"listener {people} 127.0.0.1")
        .replace(PLUGIN_OF_IMAGE, str(plugin))
    )
    config.write_text(("user root\n" if os.geteuid() == 0 else "") + text)
    broker = Mosquitto(inside, config)
    broker.start()

    def publish(*words: str) -> int:
        command = ["mosquitto_pub", "-V", "5", "-h", "localhost", "-q", "1", "-m", "1", *words]
        return subprocess.run(command, capture_output=True, timeout=20, check=False).returncode

    def certificate(name: str) -> list[str]:
        folder = identities / name
        return ["-p", str(inside), "--cafile", f"{folder}/ca.pem", "--cert", f"{folder}/cert.pem", "--key", f"{folder}/key.pem"]

    url = re.findall("MQTT_URL=mqtts://(.+):(.+)@", (identities / "people" / "access.env").read_text())[0]
    ca = str(identities / "people" / "ca.pem")
    try:
        assert publish(*certificate("edge-north"), "-t", "davy/v1/demo/north/status") == 0
        assert publish("-p", str(inside), "--cafile", ca, "-t", "davy/v1/demo/north/status") != 0
        for password in ("", "x"):  # a service has no password: it comes by certificate alone
            login = ["-p", str(people), "--cafile", ca, "-u", "north", "-P", password]
            assert publish(*login, "-t", "davy/v1/demo/north/status") != 0
        watching = [
            "mosquitto_sub",
            "-V",
            "5",
            "-h",
            "localhost",
            "-p",
            str(people),
            "--cafile",
            ca,
            "-t",
            "davy/v1/demo/+/status",
            "-E",
        ]
        assert subprocess.run([*watching, "-u", url[0], "-P", url[1]], timeout=20, check=False).returncode == 0
        assert (
            subprocess.run([*watching, "-u", url[0], "-P", "wrong"], timeout=20, capture_output=True, check=False).returncode
            != 0
        )
    finally:
        broker.kill()
