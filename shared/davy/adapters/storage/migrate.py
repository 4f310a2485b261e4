"""Schema migrations: Alembic scripts of this package, run when a database is opened."""

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from davy.domain.errors import ConfigError

SCRIPTS = "davy.adapters.storage:migrations"
VERSION_TABLE = "davy_schema"


def upgrade(connection: Connection, name: str) -> None:
    """Bring the schema to this version's, inside the transaction of connection.

    Raises:
        ConfigError: A newer Davy wrote the database.
    """
    config = Config()
    config.set_main_option("script_location", SCRIPTS)
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError(f"a newer Davy wrote the database {name}: install that version, or use another database") from error
