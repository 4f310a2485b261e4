"""Bytes that events and keyframes take, and their deletion."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select

from davy.adapters.storage.database import last_id
from davy.adapters.storage.event_tables import NOUN, SIZE, event, keyframe
from davy.adapters.storage.space_used import change_space, counted_space


def count_space(connection: Connection) -> int:
    """Add the rows since the last count; return the size of all in bytes."""
    size, counted_to = counted_space(connection, NOUN)
    newest = last_id(connection, event.c.id)
    if newest <= counted_to:
        return size
    new = _sum(connection, SIZE, event.c.id > counted_to)
    new += _sum(connection, func.length(keyframe.c.jpeg), keyframe.c.event > counted_to)
    change_space(connection, NOUN, new, newest)
    return size + new


def delete_keyframes(connection: Connection, events: Sequence[int]) -> int:
    """Delete the keyframes of events; return their number."""
    of_events = delete(keyframe).where(keyframe.c.event.in_(events))
    sizes = connection.scalars(of_events.returning(func.length(keyframe.c.jpeg))).all()
    change_space(connection, NOUN, -sum(sizes))
    return len(sizes)


def delete_events(connection: Connection, ids: Sequence[int]) -> int:
    """Delete events and their keyframes; return the number of events."""
    delete_keyframes(connection, ids)
    sizes = connection.scalars(delete(event).where(event.c.id.in_(ids)).returning(SIZE)).all()
    change_space(connection, NOUN, -sum(sizes))
    return len(sizes)


def _sum(connection: Connection, size: ColumnElement[int], where: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.coalesce(func.sum(size), 0)).where(where)).scalar_one())
