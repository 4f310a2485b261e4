"""Files of an object storage, copied to a folder."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import wait_for_port

from davy.adapters.storage.fetch import fetch
from davy.domain.errors import ConfigError, UnavailableError

SUFFIXES = (".jpg", ".png")


def quiet(done: int, total: int) -> None: ...


@pytest.fixture
def pictures(tmp_path) -> Path:
    folder = tmp_path / "bucket"
    (folder / "north").mkdir(parents=True)
    for name in ("a.jpg", "north/b.png", "north/notes.txt"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_pictures_are_copied_with_their_folders_and_only_those_that_changed_again(pictures, tmp_path):
    ticks = []
    assert fetch(f"file://{pictures}", tmp_path / "here", SUFFIXES, lambda *each: ticks.append(each)) == 2
    assert {str(path.relative_to(tmp_path / "here")) for path in (tmp_path / "here").rglob("*.*")} == {"a.jpg", "north/b.png"}
    assert ticks == [(1, 2), (2, 2)]
    assert fetch(f"file://{pictures}", tmp_path / "here", SUFFIXES, quiet) == 0
    (pictures / "a.jpg").write_bytes(b"another one")
    assert fetch(f"file://{pictures}", tmp_path / "here", SUFFIXES, quiet) == 1
    assert (tmp_path / "here" / "a.jpg").read_bytes() == b"another one"


def test_no_picture_and_an_unknown_storage_are_said(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no file"):
        fetch(f"file://{tmp_path}/empty", tmp_path / "here", SUFFIXES, quiet)
    with pytest.raises(ConfigError, match="nosuch://x"):
        fetch("nosuch://x", tmp_path / "here", SUFFIXES, quiet)


@pytest.mark.slow
def test_the_same_from_s3_whose_names_cannot_leave_the_folder(free_port, monkeypatch, tmp_path):
    pytest.importorskip("s3fs", reason="pip install s3fs 'moto[server]'")
    pytest.importorskip("moto", reason="pip install s3fs 'moto[server]'")
    import boto3

    settings = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "ENDPOINT_URL": f"http://127.0.0.1:{free_port}"}
    for name, value in (settings | {"DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(free_port)], stderr=subprocess.DEVNULL) as server:
        try:
            wait_for_port(free_port, 20)
            client = boto3.client("s3")
            client.create_bucket(Bucket="pictures")
            client.put_object(Bucket="pictures", Key="north/a.jpg", Body=b"a")
            assert fetch("s3://pictures", tmp_path / "here", SUFFIXES, quiet) == 1
            assert (tmp_path / "here" / "north" / "a.jpg").read_bytes() == b"a"
            with pytest.raises((UnavailableError, ConfigError)):
                fetch("s3://mistyped", tmp_path / "here", SUFFIXES, quiet)
            client.put_object(Bucket="pictures", Key="north/../../../x.jpg", Body=b"x")
            with pytest.raises(ConfigError, match="leaves the folder"):
                fetch("s3://pictures", tmp_path / "here", SUFFIXES, quiet)
        finally:
            server.kill()
