import io
import stat
import sys

import pytest

from davy.identity import Authority, CredentialFiles
from davy_cli.main import main


@pytest.fixture
def davy_identity(monkeypatch, capsys, tmp_path):
    """Runs `davy identity` as typed in a folder of its own; returns the exit status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["davy", "identity", *map(str, arguments)])
            status = main()
        return (status, *capsys.readouterr())

    return run


def test_a_site_is_initialised_and_an_identity_issued_listed_rotated_and_revoked(davy_identity, tmp_path):
    assert davy_identity("init", "demo")[0] == 0
    assert davy_identity("issue", "aggregator/main", "--host", "mine.example")[0] == 0
    folder = tmp_path / "identities" / "aggregator-main"
    before = CredentialFiles.in_folder(folder).read()
    listed = davy_identity("list")[1]
    assert f"{before.certificate.serial_number:x}" in listed
    assert "davy://demo/aggregator/main  mine.example" in listed
    assert davy_identity("rotate", folder, "--authority", "authority")[0] == 0
    after = CredentialFiles.in_folder(folder).read()
    assert (after.identity, after.key != before.key) == (before.identity, True)
    assert "mine.example" in davy_identity("list")[1]
    status, out, _ = davy_identity("revoke", "aggregator/main", "--into", folder)
    assert (status, out.count("revoked")) == (0, 2)
    assert CredentialFiles.in_folder(folder).read().crl == Authority.open(tmp_path / "authority").crl
    assert davy_identity("list")[1] == ""
    assert davy_identity("list", "--all")[1].count("revoked") == 2


def test_a_bundle_installs_an_edge_and_is_secret(davy_identity, tmp_path):
    davy_identity("init", "demo")
    davy_identity("issue", "edge/west", "--bundle", "west.tar")
    assert stat.S_IMODE((tmp_path / "west.tar").stat().st_mode) == 0o600
    status, out, _ = davy_identity("enroll", "--bundle", "west.tar", "--folder", "west")
    assert status == 0
    assert "DAVY_TLS_FOLDER=" in out
    assert str(CredentialFiles.in_folder(tmp_path / "west").read().identity) == "davy://demo/edge/west"


TOKEN = "davy1." + "A" * 43 + "." + "A" * 43


@pytest.mark.parametrize("source", ["file", "stdin", "variable", "named file"])
def test_a_token_to_enrol_is_read_from_a_place_that_other_users_cannot_see(davy_identity, monkeypatch, tmp_path, source):
    """The address is refused after the token was read, before anything is sent."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    options = {"file": ("--token-file", "token"), "stdin": ("--token-file", "-")}.get(source, ())
    if source == "stdin":
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{TOKEN}\n"))
    if source == "variable":
        monkeypatch.setenv("DAVY_ENROLL_TOKEN", TOKEN)
    if source == "named file":
        monkeypatch.setenv("DAVY_ENROLL_TOKEN_FILE", str(tmp_path / "token"))
    status, _, error = davy_identity("enroll", "http://aggregator:8080", *options)
    assert status != 0
    assert "https://host:8080 is expected" in error
    assert TOKEN not in error


def test_a_token_file_that_is_missing_is_named(davy_identity):
    status, _, error = davy_identity("enroll", "https://aggregator:8080", "--token-file", "nothing")
    assert status == 1
    assert "nothing cannot be read" in error


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("issue", "edge/west", "--authority", "nowhere"), "davy identity init"),
        (("issue", "west"), "write KIND/NAME, such as edge/west"),
        (("issue", "miner/west"), "is none of edge"),
        (("revoke", "edge/west"), "see `davy identity list`"),
        (("revoke", "edge/west", "--serial", "zz"), "`davy identity list` prints them"),
        (("rotate", "nowhere"), "`davy identity issue` or `davy identity enroll` makes one"),
        (("enroll",), "`davy identity token` makes a token"),
        (("enroll", "http://aggregator:8080", TOKEN), "https://host:8080 is expected"),
        (("enroll", "https://aggregator:8080", "secret"), "this is no token"),
        (("enroll", "--bundle", "nothing.tar"), "cannot be read"),
        (("init", "demo"), "already holds an authority"),
    ],
)
def test_an_error_says_what_to_do(davy_identity, arguments, advice):
    davy_identity("init", "demo")
    status, _, error = davy_identity(*arguments)
    assert status == 1
    assert advice in error
