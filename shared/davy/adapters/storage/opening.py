"""Opens the database of a service: its schema is brought up to date, and files of version 0.1.0 are imported once."""

from pathlib import Path

from sqlalchemy import make_url, text

from davy.adapters.storage.database import SCHEMA, Database, translated_errors
from davy.adapters.storage.engine import make_engine, schema_of
from davy.adapters.storage.legacy import import_folder
from davy.adapters.storage.migrate import upgrade
from davy.domain.secret_url import SecretUrl


def connect_database(folder: Path, url: SecretUrl | str = "") -> Database:
    """Connect to a database that is open already, for a purpose that must not wait for the others' connections.

    Raises:
        ConfigError: The URL is malformed.
    """
    with translated_errors(str(folder)):
        return Database(*make_engine(folder, url))


def open_database(folder: Path, url: SecretUrl | str = "") -> Database:
    """Open a database, migrate its schema, and import what version 0.1.0 left in the folder.

    Args:
        folder: Data folder of the service; holds davy.db unless url names another database.
        url: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.

    Raises:
        ConfigError: The URL is malformed, a newer Davy wrote the database, or an import needs an empty one.
        ArchiveUnavailableError: The database cannot be used.
    """
    database = open_schema(folder, url)
    try:
        import_folder(folder, database)
    except BaseException:
        database.close()
        raise
    return database


def open_schema(folder: Path, url: SecretUrl | str = "") -> Database:
    """Open a database as `open_database` does, and import nothing."""
    database = connect_database(folder, url)
    try:
        if not database.embedded and (schema := schema_of(make_url(SecretUrl.of(url).get_secret_value()))):
            _make_schema(database, schema)
        with database.transaction(SCHEMA, idle_ms=0) as connection:
            upgrade(connection, database.name)
    except BaseException:
        database.close()
        raise
    return database


def _make_schema(database: Database, name: str) -> None:
    with database.transaction(SCHEMA, idle_ms=0) as connection:  # a role may lack the right to make one that is there already
        if connection.execute(text("SELECT to_regnamespace(quote_ident(:name)) IS NULL"), {"name": name}).scalar_one():
            connection.execute(text(f'CREATE SCHEMA "{name}"'))
