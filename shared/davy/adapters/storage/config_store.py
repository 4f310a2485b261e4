"""Every configuration that an edge was given, by epoch; the newest is the desired one."""

from collections.abc import Mapping, Sequence

from sqlalchemy import BigInteger, Column, Table, Text, delete, insert, select

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import metadata
from davy.adapters.storage.set_aside import move_rows

NOUN = "config"

edge_config = Table(
    "edge_config",
    metadata,
    Column("edge", Text, primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)


class ConfigStore:
    """The configurations of all edges. Calls block and may come from any thread.

    Args:
        keep: Configurations kept per edge, the newest.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database, keep: int = 200) -> None:
        self._database, self.keep = database, keep

    def add(self, edge: str, bodies: Mapping[int, str], above: int = 2**62, keep: int | None = None) -> None:
        """Store an edge's configurations by epoch, in one transaction; they are on disk when this returns.

        Args:
            edge: The edge.
            bodies: Configurations as JSON.
            above: Configurations with a higher epoch are removed first.
            keep: Configurations of this edge kept, the newest; of the store if absent.
        """
        of_edge = edge_config.c.edge == edge
        newest = select(edge_config.c.epoch).where(of_edge).order_by(edge_config.c.epoch.desc()).limit(keep or self.keep)
        with self._database.transaction(NOUN) as connection:
            connection.execute(delete(edge_config).where(of_edge, edge_config.c.epoch > above))
            if bodies:
                rows = [{"edge": edge, "epoch": epoch, "body": body} for epoch, body in bodies.items()]
                connection.execute(insert(edge_config), rows)
            connection.execute(delete(edge_config).where(of_edge, edge_config.c.epoch.not_in(newest)))

    def all(self) -> list[str]:
        """Every configuration, by edge, the oldest first."""
        with self._database.read() as connection:
            return list(connection.scalars(select(edge_config.c.body).order_by(edge_config.c.edge, edge_config.c.epoch)))

    def set_aside(self, unreadable: Sequence[tuple[str, str]]) -> None:
        """Move rows that cannot be read out of the way: the body of each, and why."""
        if not unreadable:
            return
        with self._database.transaction(NOUN) as connection:
            move_rows(connection, edge_config, unreadable)
