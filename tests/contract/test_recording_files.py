"""Where an aggregator's segments are: the same on a disk and on S3."""

import pytest
from tests.davy_aggregator.recording.test_recordings import fill_ring

from davy.adapters.recording.cmaf import HEAD_BYTES
from davy.adapters.recording.files import RecordingFiles
from davy.domain.errors import RegistryUnavailableError
from davy.domain.secret_url import SecretUrl

MOST_BYTES = 10_000_000


@pytest.fixture(scope="module")
def object_store():
    pytest.importorskip("s3fs", reason="pip install s3fs 'moto[server]'")
    pytest.importorskip("moto", reason="pip install s3fs 'moto[server]'")
    from tests.fixtures.object_store import running_object_store

    with running_object_store() as store:
        yield store


@pytest.fixture(params=["file", "memory", pytest.param("s3", marks=[pytest.mark.slow, pytest.mark.system])])
def files(request, tmp_path):
    """Three segments on a disk, and where finished ones go."""
    fill_ring(tmp_path)
    urls = {"file": "", "memory": f"memory://recordings-{tmp_path.name}"}
    url = request.getfixturevalue("object_store").bucket() if request.param == "s3" else urls[request.param]
    return RecordingFiles(tmp_path, SecretUrl(url) if url else None)


def content(files: RecordingFiles, segment) -> bytes:
    file = files.source(segment)
    return file if isinstance(file, bytes) else file.read_bytes()


def test_segments_are_read_back_as_they_were_put_and_are_gone_when_removed(files, tmp_path):
    found, reasons = files.start(0)
    assert (len(found), reasons) == (3, [])
    before = [(tmp_path / segment.path).read_bytes() for segment in found]
    for segment in found:
        files.put(segment)
        files.put(segment)  # again: as it was
    assert [content(files, segment) for segment in found] == before
    assert files.starts(found) == [data[:HEAD_BYTES] for data in before]
    assert bool(list(tmp_path.rglob("*.mp4"))) != files.is_remote
    files.remove(found[0])
    gone = files.source(found[0])
    assert not isinstance(gone, bytes)
    assert not gone.exists()
    assert files.starts(found[:2]) == [b"", before[1][:HEAD_BYTES]]


def test_what_a_storage_does_not_take_stays_on_the_disk_and_is_found_again(tmp_path):
    fill_ring(tmp_path)
    away = RecordingFiles(tmp_path, SecretUrl(f"file://{tmp_path / 'a-file'}/recordings"))
    (tmp_path / "a-file").write_text("where a folder should be")
    found, _ = away.start(0)
    with pytest.raises(RegistryUnavailableError):
        away.put(found[0])
    assert away.start(0)[0] == found
    assert content(away, found[0]) == (tmp_path / found[0].path).read_bytes()
