"""`davy migrate`, from an SQLite folder to PostgreSQL and S3."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select, text
from tests.fixtures.folder_0_1 import LAST_EVENT_ID, write_folder
from tests.fixtures.object_store import running_object_store
from tests.fixtures.packages import good_package, trust
from tests.fixtures.postgres import running_postgres

from davy.access.chain import verify
from davy.access.journal import JournalEntry
from davy.access.journal_keys import journal_folder, keep_checkpoint, known_keys, own_key
from davy.access.roles import Role
from davy.adapters.storage.access_store import AccessStore, User
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.folder_lock import hold_folder
from davy.adapters.storage.journal_store import JournalQuery, JournalStore
from davy.adapters.storage.model_registry import ModelRegistry
from davy.adapters.storage.object_files import ObjectFiles
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.recording_store import RecordingStore
from davy.adapters.storage.tables import metadata
from davy.domain.camera import CameraAddress
from davy.domain.event import EventRecord
from davy.domain.recording import Segment
from davy_cli.main import main

pytestmark = pytest.mark.system
S = 10**9
MOVIE = b"ten seconds of video"


@pytest.fixture(scope="module")
def postgres():
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def object_store():
    with running_object_store() as server:
        yield server


@pytest.fixture
def url(postgres):
    return postgres.database()


@pytest.fixture
def folder(tmp_path):
    """What 0.1.0 left, and what this version added: an event with a picture, a user, a journal, a segment, a model."""
    data = tmp_path / "data"
    write_folder(data)
    database = open_database(data)
    new = EventRecord("mine", "north", "b2", 1, "north.face", S, 2, "person", "new", keyframe=bytes(range(256)) * 9)
    EventStore(database).add([new])
    AccessStore(database).put_user(User("ada", Role.ADMIN, "hash"))
    journal = JournalStore(database)
    journal.append([JournalEntry(n, "ada", "admin", "session", "", "GET", f"/{n}", "", "", "ok") for n in range(1, 8)])
    keep_checkpoint(journal_folder(data), journal.sign_end(own_key(journal_folder(data)), 9))
    segment = Segment(
        CameraAddress("mine", "north", "face"), "enhanced", "b2", 1, 100, S, 11 * S, "0" * 64, len(MOVIE), "first", 0.5
    )
    RecordingStore(database, "mine").add([segment])
    file = data / "recordings" / segment.path
    file.parent.mkdir(parents=True)
    file.write_bytes(MOVIE)
    ModelRegistry(str(data / "registry"), trust()).add(good_package().data)
    database.close()
    return data


@pytest.fixture
def migrate(folder, url, monkeypatch, capsys):
    """Runs `davy migrate` as typed; returns the exit status, what it printed, and what it complained about."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["davy", "migrate", "--from", str(folder), "--to", url, *words])
        return (main(), *capsys.readouterr())

    return run


def rows(database) -> dict[str, list[tuple]]:
    found = {}
    with database.read() as connection:
        for table in metadata.sorted_tables:
            values = [[bytes(v) if isinstance(v, memoryview) else v for v in row] for row in connection.execute(select(table))]
            found[table.name] = sorted(map(tuple, values))
    del found["imported_file"]
    return found


def check_everything(folder: Path, url: str, tmp_path: Path) -> None:
    source, target = open_database(folder), open_database(tmp_path / "empty", url)
    ours, theirs = rows(source), rows(target)
    theirs["journal"] = [row for row in theirs["journal"] if row[6] != "davy migrate"]
    theirs["space_used"] = ours["space_used"]  # the journal's last row counts
    assert theirs == ours
    (new,) = EventStore(target).add([EventRecord("mine", "north", "b2", 2, "", 1, 1, "motion", "newer")])
    assert new.id == LAST_EVENT_ID + 2
    assert EventStore(target).add([EventRecord("mine", "north", "b1", 42, "", 1, 1, "motion", "sent again")]) == []
    journal = JournalStore(target)
    verdict = verify(journal.rows(), journal.checkpoints(), known_keys(journal_folder(folder)))
    assert (verdict.broken, verdict.rows) == (None, 8)
    assert journal.query(JournalQuery(limit=1))[0].entry.operation == "davy migrate"
    source.close()
    target.close()


def test_a_folder_of_0_1_0_and_what_came_since_arrives_whole_in_postgresql_and_s3(folder, url, object_store, migrate, tmp_path):
    bucket = object_store.bucket()
    status, said, fault = migrate("--objects", bucket)
    assert status == 0, fault
    assert "1001" in next(line for line in said.splitlines() if "event" in line)
    assert "The journal's 7 rows are intact" in said
    assert f"DAVY_AGGREGATOR_RECORDINGS={bucket}/recordings" in said
    check_everything(folder, url, tmp_path)
    registry = ModelRegistry(f"{bucket}/registry", trust())
    assert registry.open(registry.get(good_package().id)).onnx == good_package().onnx
    (segment,) = (folder / "recordings").rglob("*.mp4")
    assert ObjectFiles(f"{bucket}/recordings").read(str(segment.relative_to(folder / "recordings"))) == MOVIE
    status, said, _ = migrate()
    assert (status, "already" in said) == (0, True)


def test_a_target_with_rows_of_another_origin_is_refused(url, migrate, tmp_path):
    database = open_database(tmp_path / "empty", url)
    EventStore(database).add([EventRecord("mine", "north", "b1", 1, "", 1, 1, "motion", "other")])
    database.close()
    status, _, fault = migrate()
    assert (status, "another origin" in fault) == (1, True)


def test_a_folder_in_use_by_an_aggregator_is_refused(folder, migrate):
    with hold_folder(folder, "aggregator"):
        status, _, fault = migrate()
    assert (status, "in use by davy aggregator" in fault) == (1, True)


@pytest.mark.parametrize("words", [("--to", "sqlite:////tmp/x.db"), ("--from", "/nowhere")])
def test_a_target_or_folder_that_is_none_is_refused(migrate, words):
    status, _, fault = migrate(*words)
    assert status == 1
    assert "PostgreSQL" in fault or "no database" in fault


@pytest.mark.parametrize("batches", [pytest.param(2, marks=pytest.mark.slow), 7, pytest.param(12, marks=pytest.mark.slow)])
def test_kill_9_in_the_middle_and_a_changed_folder_end_in_one_whole_copy(folder, url, migrate, tmp_path, batches):
    program = f"""
import os, signal, sys
from davy.adapters.storage import transfer
from davy_cli.main import main
transfer.BATCH_ROWS, left, store = 200, {batches}, transfer._store
def killed(*args):
    global left
    store(*args)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)
transfer._store = killed
sys.argv = ["davy", "migrate", "--from", {str(folder)!r}, "--to", {url!r}]
main()
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, env=os.environ, timeout=60, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    database = open_database(folder)  # the aggregator ran in between
    AccessStore(database).put_user(User("bob", Role.VIEWER, "hash"))
    with database.transaction("test") as connection:
        connection.execute(text("UPDATE rollout SET body = 'changed'"))
    database.close()
    status, _, fault = migrate()
    assert status == 0, fault
    check_everything(folder, url, tmp_path)
