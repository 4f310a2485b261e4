import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from davy.model import KeySet, SigningKey

NOW = datetime.now(UTC)


def davy_keys(folder, *words, **environment) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "davy", "keys", *words]
    return subprocess.run(
        command, env={**os.environ, "DAVY_KEYS": str(folder), **environment}, capture_output=True, text=True, timeout=30
    )


def test_keys_are_made_rotated_revoked_and_listed(tmp_path):
    first = davy_keys(tmp_path, "new", "--days", "365", "--comment", "first").stdout.split()[0]
    assert stat.S_IMODE((tmp_path / f"{first}.pem").stat().st_mode) == 0o600
    second = davy_keys(tmp_path, "rotate", "--overlap", "30").stdout.split()[0]
    keys = {key.id: key for key in KeySet.load(tmp_path / "trust.json").keys}
    assert timedelta(days=29) < keys[first].not_after - NOW < timedelta(days=31)
    assert keys[second].not_after - NOW > timedelta(days=364)
    assert davy_keys(tmp_path, "revoke", first[:6], "--reason", "lost").returncode == 0
    listed = davy_keys(tmp_path, "list").stdout.splitlines()
    assert [line.split()[:2] for line in listed] == [[first, "revoked"], [second, "valid"]]
    assert "lost" in listed[0]


def test_the_keys_of_another_site_are_trusted_without_their_secrets(tmp_path):
    theirs = davy_keys(tmp_path / "theirs", "new").stdout.split()[0]
    assert davy_keys(tmp_path / "ours", "trust", str(tmp_path / "theirs" / "trust.json")).returncode == 0
    other = SigningKey.generate()
    assert davy_keys(tmp_path / "ours", "trust", other.public.hex(), "--days", "7").returncode == 0
    assert {key.id for key in KeySet.load(tmp_path / "ours" / "trust.json").keys} == {theirs, other.id}
    assert not list((tmp_path / "ours").glob("*.pem"))


def test_wrong_words_say_what_to_do(tmp_path):
    for words in (("trust", "abc"), ("trust", "ab" * 31), ("revoke", "zz")):
        failed = davy_keys(tmp_path, *words)
        assert failed.returncode == 1
        assert failed.stderr.startswith("davy keys: ")
        assert "Traceback" not in failed.stderr


def test_a_passphrase_encrypts_the_key(tmp_path):
    made = davy_keys(tmp_path, "new", DAVY_KEY_PASSPHRASE="lamp").stdout.split()[0]
    assert "ENCRYPTED" in (tmp_path / f"{made}.pem").read_text()
