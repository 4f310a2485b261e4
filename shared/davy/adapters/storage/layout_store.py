"""Layouts of the console's wall, by owner and name."""

import time
from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, Table, Text, delete, func, select

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import metadata, storable_text
from davy.domain.errors import InvalidInputError

NOUN = "layout"
SITE = ""  # owner of the walls that every viewer of the site may show

wall_layout = Table(
    "wall_layout",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("updated_ns", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """A stored layout.

    Attributes:
        name: Unique per owner.
        body: The layout as JSON.
        updated_ns: Unix time in ns.
    """

    name: str
    body: str
    updated_ns: int


class LayoutStore:
    """The layouts of all owners. Calls block and may come from any thread.

    Every method raises ArchiveUnavailableError when the disk or the server fails.

    Args:
        most: Layouts per owner.
    """

    def __init__(self, database: Database, most: int = 100) -> None:
        self._database, self._most = database, most

    def all(self, owner: str) -> list[Layout]:
        """An owner's layouts, by name."""
        wanted = select(wall_layout).where(wall_layout.c.owner == owner).order_by(wall_layout.c.name)
        with self._database.read() as connection:
            return [Layout(row.name, row.body, row.updated_ns) for row in connection.execute(wanted)]

    def get(self, owner: str, name: str) -> Layout | None:
        """One layout; None if the owner has none of this name."""
        wanted = select(wall_layout).where(wall_layout.c.owner == owner, wall_layout.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(wanted).one_or_none()
        return Layout(row.name, row.body, row.updated_ns) if row is not None else None

    def put(self, owner: str, name: str, body: str) -> None:
        """Store a layout; it replaces the owner's layout of the same name.

        Raises:
            InvalidInputError: The owner has the maximum number of layouts.
        """
        others = select(func.count()).where(wall_layout.c.owner == owner, wall_layout.c.name != name)
        values = {"owner": owner, "name": name, "body": storable_text(body), "updated_ns": time.time_ns()}
        new = self._database.insert(wall_layout).values(values)
        change = {"body": new.excluded.body, "updated_ns": new.excluded.updated_ns}
        with self._database.transaction(NOUN) as connection:
            if connection.execute(others).scalar_one() >= self._most:
                raise InvalidInputError(f"at most {self._most} layouts are stored: delete one first")
            connection.execute(new.on_conflict_do_update(index_elements=["owner", "name"], set_=change))

    def delete(self, owner: str, name: str) -> bool:
        """Delete a layout. Return whether there was one."""
        unwanted = delete(wall_layout).where(wall_layout.c.owner == owner, wall_layout.c.name == name)
        with self._database.transaction(NOUN) as connection:
            return bool(connection.execute(unwanted).rowcount)
