"""The database of an aggregator's data folder, opened for `davy users`, `davy tokens` and `davy journal`."""

import getpass
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from davy.access.journal import JournalEntry, Notes, taking_notes
from davy.adapters.access.directory import Directory
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.database import Database
from davy.adapters.storage.journal_store import JournalStore
from davy.adapters.storage.opening import open_database
from davy.domain.errors import DavyError

Data = Annotated[Path, typer.Option(envvar="DAVY_AGGREGATOR_DATA", help="Data folder of the aggregator, which may be running.")]
DatabaseUrl = Annotated[
    str,
    typer.Option(envvar="DAVY_AGGREGATOR_DATABASE", show_envvar=False, help="Database URL, if not SQLite in that folder."),
]
DEFAULT = Path("data/aggregator")


@contextmanager
def open_directory(data: Path, database: str) -> Iterator[Directory]:
    """Open the directory to read it.

    Raises:
        ArchiveUnavailableError: The database cannot be used.
        ConfigError: The database's URL is malformed.
    """
    with opened(data, database) as found:
        yield Directory(AccessStore(found), "", 0)


@contextmanager
def change_directory(data: Path, database: str, command: str, target: str) -> Iterator[Directory]:
    """Open the directory to change it. The journal records the change, or why it failed, under the user of this system.

    Args:
        data: Data folder.
        database: URL; empty for SQLite in the folder.
        command: Such as "davy users add".
        target: What it is applied to.

    Raises:
        ArchiveUnavailableError: The database cannot be used.
        ConfigError: The database's URL is malformed.
    """
    with opened(data, database) as found, taking_notes() as notes:
        answer = "ok"
        try:
            yield Directory(AccessStore(found), "", 0)
        except DavyError as error:
            answer = type(error).__name__
            raise
        finally:
            JournalStore(found).append([entry_of_process(command, target, answer, notes)])


@contextmanager
def opened(data: Path, database: str) -> Iterator[Database]:
    """Open the database."""
    found = open_database(data, database)
    try:
        yield found
    finally:
        found.close()


def entry_of_process(command: str, target: str, answer: str, notes: Notes) -> JournalEntry:
    """The journal's entry of a command on this machine."""
    who, host = getpass.getuser(), socket.gethostname()
    return JournalEntry(time.time_ns(), who, "system-user", "process", host, command, target, notes.before, notes.after, answer)
