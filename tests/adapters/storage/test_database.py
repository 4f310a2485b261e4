"""What is SQLite's or PostgreSQL's own matter; what both do alike is in tests/contract/storage."""

import sqlite3
import stat
import subprocess

import pytest
from sqlalchemy import text
from tests.fixtures.postgres import running_postgres

from davy.adapters.storage.config_store import ConfigStore
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.migrate import VERSION_TABLE
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.rollout_store import RolloutStore
from davy.domain.errors import ArchiveUnavailableError, ConfigError
from davy.domain.event import EventQuery, EventRecord


def event(seq: int, **changes) -> EventRecord:
    return EventRecord("mine", "north", "b1", seq, "north.face", 1, 1, "motion", "something moves", **changes)


def test_nobody_else_reads_the_passwords_in_it(tmp_path):
    database = open_database(tmp_path)
    ConfigStore(database).add("north", {1: "rtsp://admin:s3cret@cam"})
    assert {path.name for path in tmp_path.iterdir()} >= {"davy.db", "davy.db-wal"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())
    database.close()


def test_an_error_does_not_show_what_was_to_be_stored(tmp_path):
    database = open_database(tmp_path)
    store = ConfigStore(database)
    store.add("north", {1: "rtsp://admin:s3cret@cam"})
    with pytest.raises(ArchiveUnavailableError) as failed:
        store.add("north", {1: "rtsp://admin:s3cret@cam"})
    assert "s3cret" not in str(failed.value)
    database.close()


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(tmp_path):
    database = open_database(tmp_path)
    with database.read() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("synchronous", "journal_mode")}
    assert pragmas == {"synchronous": 2, "journal_mode": "wal"}  # 2 is FULL
    database.close()


def test_a_file_that_is_no_database_is_named_in_the_error(tmp_path):
    (tmp_path / "davy.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(ArchiveUnavailableError, match=r"davy\.db"):
        open_database(tmp_path)


def test_a_folder_that_cannot_be_made_is_named_in_the_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveUnavailableError, match="file"):
        open_database(tmp_path / "file" / "data")


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_names_no_database_is_refused(tmp_path, url):
    with pytest.raises(ConfigError, match="postgresql://"):
        open_database(tmp_path, url)


def test_a_server_that_is_away_is_named_without_its_password(tmp_path, free_port):
    with pytest.raises(ArchiveUnavailableError) as failed:
        open_database(tmp_path, f"postgresql://davy:s3cret@127.0.0.1:{free_port}/davy")
    assert str(free_port) in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_a_database_of_a_newer_davy_is_refused_and_left_as_it_is(tmp_path):
    database = open_database(tmp_path)
    with database.transaction("test") as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    database.close()
    with pytest.raises(ConfigError, match="newer Davy"):
        open_database(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_stores_nothing_of_a_batch_and_all_of_it_once_there_is_room(small_disk):
    database = open_database(small_disk)
    store = EventStore(database)
    store.add([event(1)])
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="space"), filler.open("wb") as file:
        while True:
            file.write(bytes(65_536))
            file.flush()
    with pytest.raises(ArchiveUnavailableError, match=r"full|disk"):
        store.add([event(2), event(3, keyframe=bytes(300_000))])
    assert [each.seq for each in store.query(EventQuery())] == [1]
    filler.unlink()
    assert len(store.add([event(2), event(3, keyframe=bytes(300_000))])) == 2
    database.close()


def test_the_file_shrinks_when_rows_are_deleted(tmp_path):
    database = open_database(tmp_path)
    store = EventStore(database, max_bytes=100_000)
    store.add([event(seq, keyframe=bytes(100_000)) for seq in range(1, 41)])
    store.prune()
    database.close()  # folds the log into the file
    assert (tmp_path / "davy.db").stat().st_size < 1_000_000


@pytest.mark.system
def test_a_service_goes_on_after_its_postgresql_was_restarted(tmp_path):
    with running_postgres() as server:
        database = open_database(tmp_path, server.database())
        store = RolloutStore(database)
        store.save("r1", "begun", {})
        server.restart()
        assert store.rollouts() == ["begun"]
        store.save("r1", "done", {})
        assert store.rollouts() == ["done"]
        database.close()


def test_a_connection_in_use_at_the_end_is_closed_when_it_is_returned(tmp_path):
    database = open_database(tmp_path)
    with database.read() as connection:
        driver = connection.connection.driver_connection
        database.close()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        driver.execute("SELECT 1")
