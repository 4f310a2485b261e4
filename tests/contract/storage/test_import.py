"""What version 0.1.0 left in a data folder."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest
from sqlalchemy import Column, MetaData, Text, text
from tests.fixtures.folder_0_1 import EVENT_COUNT, FILES, LAST_EVENT_ID, SAMPLE_COUNT, write_folder

from davy.adapters.storage import legacy
from davy.adapters.storage.config_store import ConfigStore
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.legacy import BATCH_ROWS
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.rollout_store import RolloutStore
from davy.adapters.storage.run_store import RunStore
from davy.adapters.storage.sample_store import SampleStore
from davy.domain.errors import ConfigError
from davy.domain.event import EventQuery, EventRecord
from davy.domain.sample import SampleQuery, Use


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "data")
    return tmp_path / "data"


def check_everything(database) -> None:
    events = EventStore(database)
    found = events.query(EventQuery(after=0, limit=10_000))
    assert [each.id for each in found] == [each.seq for each in found] == list(range(1, EVENT_COUNT + 1))
    assert found[41] == EventRecord(
        "mine",
        "north",
        "b1",
        42,
        "north.face",
        42 * 10**9,
        1,
        "motion",
        "message 42",
        {"share": 0.25},
        b"",
        10**18 + 42,
        42,
        False,
    )
    assert [each.id for each in found if each.has_keyframe] == list(range(10, EVENT_COUNT + 1, 10))
    assert events.keyframe(20) == bytes([20]) * len(events.keyframe(20) or b"")
    samples = SampleStore(database, 10**9, 1000)
    kept = samples.query(SampleQuery(after=0, limit=1000))
    assert [each.id for each in kept] == list(range(1, SAMPLE_COUNT + 1))
    assert Counter(each.use for each in kept) == dict.fromkeys(Use, SAMPLE_COUNT // 3)
    assert (kept[6].dhash, kept[6].mean, kept[6].figures) == ((7).to_bytes(8), 30.5, {"value": 0.5})
    assert samples.picture(7) == bytes([7]) * 1000
    rollouts = RolloutStore(database)
    assert rollouts.rollouts() == ["second", "first"]
    assert rollouts.desired() == {"south": "m2", "North": "m1", "edge-9": "m1", "east": "m1"}
    assert ConfigStore(database).all() == ["file", "two", "one"]
    runs = RunStore(database)
    assert runs.runs() == ["run b", "run a"]
    assert [(each.id, each.kind, each.body) for each in runs.events("a")] == [(1, "state", "waiting"), (3, "progress", "0.5")]


def test_everything_is_there_and_the_old_files_are_kept_aside(folder, url):
    database = open_database(folder, url)
    check_everything(database)
    database.close()
    assert sorted(each.name for each in folder.iterdir()) == sorted(f"{name}.migrated" for name in FILES)
    again = open_database(folder, url)
    check_everything(again)
    again.close()


def test_new_rows_get_new_ids_and_the_quota_counts_the_old_ones(folder, url):
    database = open_database(folder, url)
    events = EventStore(database)
    (new,) = events.add([EventRecord("mine", "north", "b2", 1, "", 1, 1, "motion", "new")])
    assert new.id == LAST_EVENT_ID + 1  # 1001 to 1100 were deleted, and are not used again
    assert events.add([EventRecord("mine", "north", "b1", 42, "", 1, 1, "motion", "sent again")]) == []
    assert events.size_bytes() > EVENT_COUNT * 400
    runs = RunStore(database)
    runs.change("a", lambda body: (body, [("state", "done")]))
    assert [each.id for each in runs.events("a", after=3)] == [4]
    database.close()


def test_rows_that_lie_in_the_write_ahead_log_only_come_along(folder, url):
    """As after kill -9 of the old version: nothing has folded its log into the file."""
    left = folder.parent / "left"
    with closing(sqlite3.connect(folder / "configs.db", isolation_level=None)) as db:
        db.execute("INSERT INTO config VALUES ('south', 9, 'newest')")
        shutil.copytree(folder, left)
    assert (left / "configs.db-wal").stat().st_size > 0
    database = open_database(left, url)
    assert ConfigStore(database).all()[-1] == "newest"
    database.close()


def test_a_column_that_a_table_gains_does_not_break_the_import(folder, url, tmp_path, monkeypatch):
    database = open_database(tmp_path / "empty", url)
    wider = {}
    for file, tables in legacy.FILES.items():
        wider[file] = {name: replace(old, present=with_a_new_column(old.present, database)) for name, old in tables.items()}
    monkeypatch.setattr(legacy, "FILES", wider)
    legacy.import_folder(folder, database)
    check_everything(database)
    database.close()


def with_a_new_column(table, database):
    with database.transaction("test") as connection:
        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN newer TEXT NOT NULL DEFAULT 'new'"))
    wider = table.to_metadata(MetaData())
    wider.append_column(Column("newer", Text, nullable=False, server_default="new"))
    return wider


@pytest.mark.parametrize("batches", [1, 3, 6, 9])
@pytest.mark.system
def test_kill_9_in_the_middle_leaves_the_old_files_and_the_next_start_completes(folder, url, batches):
    assert EVENT_COUNT > 4 * BATCH_ROWS
    program = f"""
import os, signal
from pathlib import Path
from davy.adapters.storage import legacy
from davy.adapters.storage.opening import open_database
batches, left = legacy._batches, {batches}
def killed(*args):
    global left
    for batch in batches(*args):
        yield batch
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
legacy._batches = killed
open_database(Path({str(folder)!r}), {url!r})
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False, env=os.environ, timeout=60, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    assert any((folder / name).exists() for name in FILES)
    database = open_database(folder, url)
    check_everything(database)
    database.close()
    assert not any((folder / name).exists() for name in FILES)


def test_kill_9_before_an_imported_file_is_renamed_imports_it_once(folder, url):
    database = open_database(folder, url)
    EventStore(database, max_age_s=1.0).prune(now_ns=2 * 10**18)
    database.close()
    (folder / "events.db.migrated").rename(folder / "events.db")
    database = open_database(folder, url)
    assert EventStore(database).query(EventQuery()) == []
    database.close()
    assert (folder / "events.db.migrated").exists()


def test_a_file_is_refused_where_the_database_has_such_rows_already(folder, url, tmp_path):
    database = open_database(tmp_path / "empty", url)
    EventStore(database).add([EventRecord("mine", "north", "b1", 1, "", 1, 1, "motion", "other")])
    database.close()
    with pytest.raises(ConfigError, match=r"events\.db.*move the file away"):
        open_database(folder, url)
    assert (folder / "events.db").exists()


@pytest.mark.system
def test_two_starts_at_once_import_once(folder, url):
    program = (
        "from pathlib import Path; from davy.adapters.storage.opening import open_database;"
        f" open_database(Path({str(folder)!r}), {url!r})"
    )
    starts = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(3)]
    errors = [start.communicate(timeout=60)[1].decode() for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], errors
    database = open_database(folder, url)
    check_everything(database)
    database.close()


def test_an_edges_spool_of_the_same_name_is_left_alone(tmp_path, url):
    with closing(sqlite3.connect(tmp_path / "samples.db")) as db:
        db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, body BLOB)")
    open_database(tmp_path, url).close()
    assert (tmp_path / "samples.db").exists()
