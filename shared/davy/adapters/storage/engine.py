"""SQLAlchemy engines of Davy's two databases, with the settings that make a commit durable."""

import re
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from davy.domain.errors import ConfigError
from davy.domain.secret_url import SecretUrl

WRITES = "davy_writes"  # execution option of a connection whose transaction writes
SQLITE_FILE = "davy.db"
SQLITE_BUSY_S = 5.0
CONNECT_S = 5
UNANSWERED_MS = 10_000  # a connection with data unacknowledged for longer is broken
SCHEMA_PATTERN = r"[a-z0-9_-]{0,63}"  # PostgreSQL cuts longer names
IDLE_MS = 10_000  # a process that freezes inside a transaction holds its locks no longer than this
POOL = 16  # connections at a time, one per thread that reads or writes

_SQLITE_PRAGMAS = (
    "auto_vacuum=INCREMENTAL",  # has an effect before the first table only
    "foreign_keys=ON",
    "journal_mode=WAL",
    "synchronous=FULL",  # a commit is on the disk's platter, not in its cache
    "journal_size_limit=4000000",
)
_POSTGRES_DURABLE = (
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')"
)


def make_engine(folder: Path, url: SecretUrl | str) -> tuple[Engine, str]:
    """Make the engine of a database.

    Args:
        folder: Holds davy.db where url is empty.
        url: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME; empty for SQLite in folder. ?schema=SITE keeps the tables
            of one site apart from those of others in the same database.

    Returns:
        The engine, and the database's name for people: a path, or a URL without its password.

    Raises:
        ConfigError: The URL is malformed, or its driver is not installed.
        OSError: The folder cannot be made.
    """
    try:
        own = URL.create("sqlite", database=str(folder / SQLITE_FILE))
        parsed = make_url(SecretUrl.of(url).get_secret_value()) if url else own
    except ArgumentError as error:
        raise ConfigError("the database URL is malformed: write sqlite:///PATH or postgresql://USER@HOST/NAME") from error
    match parsed.get_backend_name():
        case "sqlite" if parsed.database not in (None, "", ":memory:"):
            return _sqlite(Path(str(parsed.database))), str(parsed.database)
        case "postgresql" | "postgres":
            return _postgres(parsed), parsed.render_as_string(hide_password=True)
    raise ConfigError(f"{parsed.render_as_string()} is no database of Davy: use sqlite:///PATH or postgresql://USER@HOST/NAME")


def _sqlite(path: Path) -> Engine:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # camera addresses may hold passwords
    url = URL.create("sqlite", database=str(path))
    engine = create_engine(url, pool_size=POOL, paramstyle="named", connect_args={"timeout": SQLITE_BUSY_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # `begin` below starts transactions
        for pragma in _SQLITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer takes the lock at once: one that upgrades later fails without waiting.
        begin = "BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN"
        connection.connection.cursor().execute(begin)

    return engine


def schema_of(url: URL) -> str:
    """The schema that a URL names; empty for the server's choice.

    Raises:
        ConfigError: It is no name of a site.
    """
    schema = url.query.get("schema", "")
    if not isinstance(schema, str) or not re.fullmatch(SCHEMA_PATTERN, schema):
        raise ConfigError(f"schema={schema}: a schema has the characters a-z, 0-9, '-' and '_', 63 at most")
    return schema


def _postgres(url: URL) -> Engine:
    limits = {"connect_timeout": CONNECT_S, "tcp_user_timeout": UNANSWERED_MS}
    schema, url = schema_of(url), url.difference_update_query(["schema"])
    given = {name: value for name, value in limits.items() if name not in url.query}
    try:
        engine = create_engine(url.set(drivername="postgresql+psycopg"), pool_size=POOL, pool_pre_ping=True, connect_args=given)
    except ModuleNotFoundError as error:
        raise ConfigError("PostgreSQL needs the package psycopg: pip install 'davy[postgres]'") from error

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401  # psycopg may not be installed
        connection.execute(_POSTGRES_DURABLE)
        if schema:
            connection.execute(f"""SET search_path = "{schema}\"""")
        connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_MS}")
        connection.commit()

    return engine
