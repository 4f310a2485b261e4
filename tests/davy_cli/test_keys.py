import stat
import sys
from datetime import UTC, datetime, timedelta

import pytest

from davy.models import KeySet, SigningKey
from davy_cli.main import main

NOW = datetime.now(UTC)


@pytest.fixture
def davy_keys(monkeypatch, capsys):
    """Runs `davy keys` as typed; returns the exit status and what it printed."""

    def run(folder, *arguments, **environment) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["davy", "keys", *arguments])
            for name, value in {"DAVY_KEYS": str(folder), **environment}.items():
                patch.setenv(name, value)
            status = main()
        return (status, *capsys.readouterr())

    return run


def test_keys_are_made_rotated_revoked_and_listed(tmp_path, davy_keys):
    first = davy_keys(tmp_path, "new", "--days", "365", "--comment", "first")[1].split()[0]
    assert stat.S_IMODE((tmp_path / f"{first}.pem").stat().st_mode) == 0o600
    second = davy_keys(tmp_path, "rotate", "--overlap", "30")[1].split()[0]
    keys = {key.id: key for key in KeySet.load(tmp_path / "trust.json").keys}
    assert timedelta(days=29) < keys[first].not_after - NOW < timedelta(days=31)
    assert keys[second].not_after - NOW > timedelta(days=364)
    assert davy_keys(tmp_path, "revoke", first[:6], "--reason", "lost")[0] == 0
    listed = davy_keys(tmp_path, "list")[1].splitlines()
    assert [line.split()[:2] for line in listed] == [[first, "revoked"], [second, "valid"]]
    assert "lost" in listed[0]


def test_the_keys_of_another_site_are_trusted_without_their_secrets(tmp_path, davy_keys):
    theirs = davy_keys(tmp_path / "theirs", "new")[1].split()[0]
    assert davy_keys(tmp_path / "ours", "trust", str(tmp_path / "theirs" / "trust.json"))[0] == 0
    other = SigningKey.generate()
    assert davy_keys(tmp_path / "ours", "trust", other.public.hex(), "--days", "7")[0] == 0
    assert {key.id for key in KeySet.load(tmp_path / "ours" / "trust.json").keys} == {theirs, other.id}
    assert not list((tmp_path / "ours").glob("*.pem"))


def test_usage_errors_name_the_remedy(tmp_path, davy_keys):
    for arguments in (("trust", "abc"), ("trust", "ab" * 31), ("revoke", "zz")):
        status, _, error = davy_keys(tmp_path, *arguments)
        assert (status, error[:11]) == (1, "davy keys: ")


def test_a_passphrase_encrypts_the_key(tmp_path, davy_keys):
    made = davy_keys(tmp_path, "new", DAVY_KEY_PASSPHRASE="lamp")[1].split()[0]
    assert "ENCRYPTED" in (tmp_path / f"{made}.pem").read_text()
