import stat
import threading
from pathlib import Path

import pytest

from davy.domain.errors import ConfigError
from davy.identity import CredentialFiles, Identity, renewal_due, write_credentials

WEST = Identity.parse("davy://demo/edge/west")


def test_written_credentials_are_read_again_and_the_key_is_secret(authority, tmp_path):
    made = authority.issue(WEST)
    write_credentials(tmp_path / "west", made)
    assert CredentialFiles.in_folder(tmp_path / "west").read() == made
    assert stat.S_IMODE((tmp_path / "west" / "key.pem").stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(made)


def test_a_reader_never_meets_a_certificate_without_its_key(authority, tmp_path):
    folder, rounds = tmp_path / "west", 60
    pairs = [authority.issue(WEST) for _ in range(4)]
    write_credentials(folder, pairs[0])
    ended = threading.Event()
    found: list[bytes] = []

    def read():
        while not ended.is_set():
            found.append(CredentialFiles.in_folder(folder).read().cert)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(rounds):
        write_credentials(folder, pairs[number % 4])
    ended.set()
    reader.join(20)
    assert found
    assert set(found) <= {each.cert for each in pairs}
    assert len([path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]) == 1  # old versions are gone


def test_a_rotation_in_the_middle_of_a_read_is_read_again(authority, tmp_path, monkeypatch):
    folder = tmp_path / "west"
    old, new = (authority.issue(WEST) for _ in range(2))
    write_credentials(folder, old)
    read_bytes, seen = Path.read_bytes, []

    def rotated_before_the_authority_is_read(path):
        seen.append(path.name)
        if path.name == "ca.pem" and seen.count("ca.pem") == 1:
            write_credentials(folder, new)
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", rotated_before_the_authority_is_read)
    assert CredentialFiles.in_folder(folder).read() == new


def test_a_stamp_changes_with_every_rotation(authority, tmp_path):
    files = CredentialFiles.in_folder(tmp_path)
    write_credentials(tmp_path, authority.issue(WEST))
    before = files.stamp()
    assert files.stamp() == before
    write_credentials(tmp_path, authority.issue(WEST))
    assert files.stamp() != before


def test_files_that_do_not_belong_together_are_refused(authority, tmp_path):
    write_credentials(tmp_path, authority.issue(WEST))
    key = tmp_path / "key.pem"
    other = authority.issue(WEST).key
    key.unlink()
    key.write_bytes(other)
    with pytest.raises(ConfigError, match="not the certificate's"):
        CredentialFiles.in_folder(tmp_path).read()


def test_an_absent_file_is_named_with_what_to_do(tmp_path):
    with pytest.raises(ConfigError, match=r"cert\.pem.*davy identity"):
        CredentialFiles.in_folder(tmp_path).read()


def test_renewal_is_due_under_a_third_of_the_life(authority):
    certificate = authority.issue(WEST, days=30).certificate
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert not renewal_due(certificate, begins + (ends - begins) * 0.66)
    assert renewal_due(certificate, begins + (ends - begins) * 0.67)
