"""Stores events that are new, in a transaction of their noun."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, func, literal_column, select

from davy.adapters.storage.database import Database
from davy.adapters.storage.event_tables import NAME, event
from davy.adapters.storage.schema import storable_text
from davy.domain.event import EventRecord

Names = Mapping[tuple[str, str, str, int], int]
"""Ids of stored events, by site, edge, boot and seq."""

_GIVEN = [column for column in event.columns if column is not event.c.id]
_NEWEST = select(func.coalesce(func.max(event.c.id), literal_column("0")))
_STORED_AFTER = select(event.c.id, *NAME).where(event.c.id > bindparam("before"))


class Insert(Protocol):
    """Stores the rows of which none is stored yet, in their order."""

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Names:
        """Return the ids of the rows that are new."""


def insert_of(database: Database) -> Insert:
    """The way of a database to store events."""
    return _EmbeddedInsert(database) if database.embedded else _partitioned_insert


class _EmbeddedInsert:
    """A unique index tells new events from known ones."""

    def __init__(self, database: Database) -> None:
        new = database.insert(event).on_conflict_do_nothing(index_elements=NAME)
        self._insert = database.compile(new, [each.name for each in _GIVEN])
        self._newest, self._stored_after = database.compile(_NEWEST), database.compile(_STORED_AFTER)

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Names:
        cursor = connection.connection.cursor()
        cursor.execute(self._newest)
        before = cursor.fetchall()[0][0]
        cursor.executemany(self._insert, rows)
        cursor.execute(self._stored_after, {"before": before})
        return _names(cursor)


# A unique index of PostgreSQL ends at its partition. The transaction of the noun lets one writer look through all of them.
_PARTITIONED = f"""
INSERT INTO event ({", ".join(column.name for column in _GIVEN)})
SELECT {", ".join(f"new.{column.name}" for column in _GIVEN)}
FROM unnest({", ".join(f"%({column.name})s::{column.type}[]" for column in _GIVEN)})
    WITH ORDINALITY AS new ({", ".join(column.name for column in _GIVEN)}, place)
WHERE NOT EXISTS (SELECT FROM event AS known WHERE {" AND ".join(f"known.{name.name} = new.{name.name}" for name in NAME)})
ORDER BY new.place
ON CONFLICT DO NOTHING
RETURNING id, {", ".join(column.name for column in NAME)}
"""  # names of columns


def _partitioned_insert(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> Names:
    cursor = connection.connection.cursor()
    cursor.execute(_PARTITIONED, {column.name: [row[column.name] for row in rows] for column in _GIVEN})
    return _names(cursor)


def _names(cursor: Any) -> Names:  # noqa: ANN401  # of either driver
    found = {(site, edge, boot, seq): row_id for row_id, site, edge, boot, seq in cursor.fetchall()}
    cursor.close()
    return found


def row_of(each: EventRecord, received_ns: int) -> dict[str, Any]:
    """The columns of an event without its id."""
    return {
        "site": each.site,
        "edge": each.edge,
        "boot_id": each.boot_id,
        "seq": each.seq,
        "camera": each.camera,
        "occurred_ns": each.occurred_ns,
        "received_ns": received_ns,
        "severity": each.severity,
        "kind": each.kind,
        "message": storable_text(each.message),
        "figures": json.dumps(dict(each.figures)),
        "marks": json.dumps([astuple(mark) for mark in each.marks]),
    }
