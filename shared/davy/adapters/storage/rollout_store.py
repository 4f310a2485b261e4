"""Rollouts, and the model that each edge was last given."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Column, Table, Text, delete, insert, select, update

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import RowId, metadata
from davy.adapters.storage.set_aside import move_rows

NOUN = "rollout"

rollout = Table(
    "rollout",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
desired_model = Table(
    "desired_model",
    metadata,
    Column("edge", Text, primary_key=True),
    Column("body", Text, nullable=False),
)


class RolloutStore:
    """Rollouts and desired models. Calls block and may come from any thread.

    Args:
        keep: Rollouts kept, the newest.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database, keep: int = 100) -> None:
        self._database, self._keep = database, keep
        replace = database.insert(desired_model)
        self._replace_desired = replace.on_conflict_do_update(
            index_elements=[desired_model.c.edge], set_={"body": replace.excluded.body}
        )

    def save(self, rollout_id: str, body: str, desired: Mapping[str, str]) -> None:
        """Store a rollout and the desired models that follow from it, in one transaction; on disk when this returns.

        Args:
            rollout_id: Its id.
            body: The rollout as JSON.
            desired: Bodies of desired models, by edge.
        """
        newest = select(rollout.c.seq).order_by(rollout.c.seq.desc()).limit(self._keep)
        with self._database.transaction(NOUN) as connection:
            changed = connection.execute(update(rollout).where(rollout.c.id == rollout_id).values(body=body))
            if not changed.rowcount:
                connection.execute(insert(rollout).values(id=rollout_id, body=body))
                connection.execute(delete(rollout).where(rollout.c.seq.not_in(newest)))
            if desired:
                rows = [{"edge": edge, "body": each} for edge, each in desired.items()]
                connection.execute(self._replace_desired, rows)

    def rollouts(self) -> list[str]:
        """The newest `keep` rollouts, the oldest of them first."""
        with self._database.read() as connection:
            return list(connection.scalars(select(rollout.c.body).order_by(rollout.c.seq)))

    def desired(self) -> dict[str, str]:
        """Bodies of desired models, by edge."""
        with self._database.read() as connection:
            return {row.edge: row.body for row in connection.execute(select(desired_model))}

    def set_aside(self, rollouts: Sequence[tuple[str, str]], desired: Sequence[tuple[str, str]]) -> None:
        """Move rows that cannot be read out of the way: the body of each, and why."""
        if not rollouts and not desired:
            return
        with self._database.transaction(NOUN) as connection:
            move_rows(connection, rollout, rollouts)
            move_rows(connection, desired_model, desired)
