"""Import the five SQLite files of version 0.1.0 into the database once; the old files stay as *.migrated.

Rows are copied in small transactions, in the order of their keys, and keep their ids. Killed in the middle, the old files
are untouched and the next start continues where the copy ended.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Table, insert, select, update

from davy.adapters.storage.config_store import edge_config
from davy.adapters.storage.database import Database, last_id, translated_errors
from davy.adapters.storage.event_tables import event, keyframe
from davy.adapters.storage.import_log import imported_file
from davy.adapters.storage.numbering import keep_counting
from davy.adapters.storage.rollout_store import desired_model, rollout
from davy.adapters.storage.run_store import training_event, training_run
from davy.adapters.storage.sample_store import picture, sample
from davy.adapters.storage.schema import storable_text
from davy.domain.errors import ConfigError
from davy.telemetry import get_logger

log = get_logger(__name__)

NOUN = "import"
BATCH_ROWS = 200  # with their keyframes some 20 MB
MIGRATED = ".migrated"


@dataclass(frozen=True, slots=True)
class OldTable:
    """A table of version 0.1.0: its columns never change, whatever columns the present table gains."""

    columns: tuple[str, ...]
    present: Table


_SOURCE = ("id", "site", "edge", "boot_id", "seq", "camera")
_PICTURE = ("width", "height", "mean", "dhash")

FILES: Mapping[str, Mapping[str, OldTable]] = {  # tables in the order in which their rows refer to each other
    "events.db": {
        "event": OldTable((*_SOURCE, "occurred_ns", "received_ns", "severity", "kind", "message", "figures"), event),
        "keyframe": OldTable(("event", "jpeg"), keyframe),
    },
    "samples.db": {
        "sample": OldTable(
            (*_SOURCE, "captured_ns", "received_ns", "reason", "model", "figures", *_PICTURE, "use", "bytes"), sample
        ),
        "picture": OldTable(("sample", "jpeg"), picture),
    },
    "rollouts.db": {"rollout": OldTable(("seq", "id", "body"), rollout), "desired": OldTable(("edge", "body"), desired_model)},
    "configs.db": {"config": OldTable(("edge", "epoch", "body"), edge_config)},
    "runs.db": {
        "run": OldTable(("seq", "id", "body"), training_run),
        "event": OldTable(("id", "run", "kind", "body"), training_event),
    },
}


def import_folder(folder: Path, database: Database) -> None:
    """Import the files of version 0.1.0 that lie in a folder.

    Raises:
        ConfigError: The database holds rows of another origin already.
        ArchiveUnavailableError: A file cannot be read, or the database cannot be written.
    """
    for name, tables in FILES.items():
        path = folder / name
        with translated_errors(str(path)):
            if path.exists():
                _import_locked(path, tables, database)


def _import_locked(path: Path, tables: Mapping[str, OldTable], database: Database) -> None:
    with _locked(path) as is_there:
        if not is_there:  # another process has imported it meanwhile
            return
        with closing(sqlite3.connect(path, isolation_level=None)) as old:
            if not _has_tables(old, tables):
                return
            _import(path, old, tables, database)
            old.execute("PRAGMA journal_mode=DELETE")  # everything is in the one file that is kept
        kept = path.with_name(path.name + MIGRATED)
        path.rename(kept)
        log.info("database.migrated", file=str(path), database=database.name, kept_as=str(kept))


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Wait until no other process imports the file; False where it is gone then."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        yield path.exists() and os.path.samestat(path.stat(), os.fstat(number))
    finally:
        os.close(number)


def _has_tables(old: sqlite3.Connection, tables: Mapping[str, OldTable]) -> bool:
    names = {row[0] for row in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return names >= set(tables)


def _import(path: Path, old: sqlite3.Connection, tables: Mapping[str, OldTable], database: Database) -> None:
    if _begin(path, tables, database):
        return
    log.info("database.migrating", file=str(path), database=database.name)
    for name, table in tables.items():
        for rows in _batches(old, name, table, database):
            with database.transaction(NOUN, idle_ms=0) as connection:
                connection.execute(database.insert(table.present).on_conflict_do_nothing(), rows)
    with database.transaction(NOUN, idle_ms=0) as connection:
        for name, table in tables.items():
            keep_counting(connection, table.present, _last_number(old, name))
        connection.execute(update(imported_file).where(imported_file.c.path == _key(path)).values(complete=True))


def _begin(path: Path, tables: Mapping[str, OldTable], database: Database) -> bool:
    """Note that the import begins, in an empty database. Returns whether it was completed before."""
    with database.transaction(NOUN, idle_ms=0) as connection:
        noted = connection.execute(
            select(imported_file.c.complete).where(imported_file.c.path == _key(path))
        ).scalar_one_or_none()
        if noted is not None:
            return bool(noted)
        if any(connection.execute(select(table.present).limit(1)).first() for table in tables.values()):
            raise ConfigError(
                f"{path} of version 0.1.0 cannot be imported: {database.name} holds such rows already;"
                " move the file away, or use an empty database"
            )
        connection.execute(insert(imported_file).values(path=_key(path), complete=False))
        return False


def _batches(old: sqlite3.Connection, name: str, table: OldTable, database: Database) -> Iterator[Sequence[dict[str, Any]]]:
    """The rows of an old table; of one that counts its rows only those that the new table lacks."""
    present, key = table.present, next(iter(table.present.primary_key))
    found = f"SELECT {', '.join(table.columns)} FROM {name}"
    if isinstance(key.type, BigInteger) and len(present.primary_key) == 1:
        with database.read() as connection:
            found += f" WHERE {key.name} > {last_id(connection, key)} ORDER BY {key.name}"
    cursor = old.execute(found)
    while rows := cursor.fetchmany(BATCH_ROWS):
        yield [dict(zip(table.columns, map(_storable, row), strict=True)) for row in rows]


def _storable(value: object) -> object:
    return storable_text(value) if isinstance(value, str) else value


def _last_number(old: sqlite3.Connection, name: str) -> int:
    """The last id that the old table gave, 0 where it counts none."""
    row = old.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).fetchone() if _counts(old) else None
    return int(row[0]) if row else 0


def _counts(old: sqlite3.Connection) -> bool:
    return old.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone() is not None


def _key(path: Path) -> str:
    return str(path.resolve())
