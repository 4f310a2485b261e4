"""The directory of an aggregator's data folder, opened for `davy users` and `davy tokens`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from davy.adapters.access.directory import Directory
from davy.adapters.storage.access_store import AccessStore
from davy.adapters.storage.opening import open_database

Data = Annotated[Path, typer.Option(envvar="DAVY_AGGREGATOR_DATA", help="Data folder of the aggregator, which may be running.")]
DatabaseUrl = Annotated[
    str,
    typer.Option(envvar="DAVY_AGGREGATOR_DATABASE", show_envvar=False, help="Database URL, if not SQLite in that folder."),
]
DEFAULT = Path("data/aggregator")


@contextmanager
def open_directory(data: Path, database: str) -> Iterator[Directory]:
    """Open the directory.

    Raises:
        ArchiveUnavailableError: The database cannot be used.
        ConfigError: The database's URL is malformed.
    """
    found = open_database(data, database)
    try:
        yield Directory(AccessStore(found), "", 0)
    finally:
        found.close()
