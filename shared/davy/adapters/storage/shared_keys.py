"""Secret keys that all replicas of one database use."""

import secrets

from sqlalchemy import Column, LargeBinary, Table, Text, select

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import metadata

NOUN = "shared_key"
BYTES = 32

shared_key = Table(
    "shared_key",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", LargeBinary, nullable=False),
)


def get_shared_key(database: Database, name: str, proposed: bytes = b"") -> bytes:
    """Return the key of a name; make it at the first call. Blocks.

    Args:
        database: Where it is.
        name: What it is for.
        proposed: The new key; random bytes if empty.

    Raises:
        ArchiveUnavailableError: The disk or the server fails.
    """
    with database.transaction(NOUN) as connection:
        own = {"name": name, "key": proposed or secrets.token_bytes(BYTES)}
        connection.execute(database.insert(shared_key).values(**own).on_conflict_do_nothing())
        return bytes(connection.execute(select(shared_key.c.key).where(shared_key.c.name == name)).scalar_one())
