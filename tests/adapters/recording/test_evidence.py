"""Exports that stand as evidence."""

from datetime import UTC, datetime, timedelta

import pytest

from davy.adapters.recording.evidence import ExportManifest, exported_file, verify_export, write_export
from davy.domain.errors import DavyError
from davy.models.keys import KeySet
from davy.models.signing_key import SigningKey

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def key():
    return SigningKey.generate()


@pytest.fixture
def export(tmp_path, key):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "face.mp4").write_bytes(bytes(range(256)))
    (folder / "face-1.jpg").write_bytes(b"picture")
    files = tuple(exported_file(folder / name, "north.face", "enhanced") for name in ("face.mp4", "face-1.jpg"))
    manifest = ExportManifest(
        site="mine",
        exported_by="anna",
        exported_at=NOW,
        reason="roof fall",
        start_at=NOW,
        end_at=NOW + timedelta(minutes=1),
        davy="1",
        files=files,
        segments=(),
    )
    write_export(tmp_path / "export.zip", folder, manifest, key)
    return tmp_path / "export.zip"


def trust(key) -> KeySet:
    return KeySet(keys=(key.trusted(36_500),))


def test_an_export_verifies_and_says_who_signed_it(export, key):
    manifest, signer = verify_export(export, trust(key))
    assert (manifest.exported_by, manifest.reason, signer) == ("anna", "roof fall", key.id)
    assert [each.name for each in manifest.files] == ["face.mp4", "face-1.jpg"]


def test_one_flipped_bit_in_any_byte_does_not_verify(export, key):
    data, keys = export.read_bytes(), trust(key)
    for at in range(0, len(data), 7):
        export.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(DavyError):
            verify_export(export, keys)


def test_bytes_before_or_after_do_not_verify(export, key):
    data = export.read_bytes()
    for changed in (data + b"x", b"x" + data, data[:-1]):
        export.write_bytes(changed)
        with pytest.raises(DavyError):
            verify_export(export, trust(key))


def test_the_signature_of_another_key_does_not_count(export):
    with pytest.raises(DavyError, match="not among"):
        verify_export(export, trust(SigningKey.generate()))
