"""SQL of a query of events."""

from operator import eq, ge, gt, lt
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, or_, select, true

from davy.adapters.storage.event_tables import BLOCK, event, event_block, keyframe
from davy.domain.event import EventQuery

_COLUMNS = (*event.c, exists().where(keyframe.c.event == event.c.id).label("has_keyframe"))


def select_events(query: EventQuery, *, blocks: bool) -> Select[Any]:
    """Select the columns of events and has_keyframe.

    Args:
        query: Which events.
        blocks: The database has the table event_block.
    """
    # an index of words finds a text sooner than a look into each block
    if blocks and not query.text and (query.since_ns is not None or query.until_ns is not None):
        return _by_blocks(query)
    order = event.c.id.desc() if query.after is None else event.c.id
    return select(*_COLUMNS).where(*_conditions(query)).order_by(order).limit(query.limit)


def _by_blocks(query: EventQuery) -> Select[Any]:
    given = (
        (ge, event_block.c.until_ns, query.since_ns),
        (lt, event_block.c.since_ns, query.until_ns),
        (lt, event_block.c.block * BLOCK, query.before),
        (gt, (event_block.c.block + 1) * BLOCK, query.after),
    )
    conditions = [compare(column, value) for compare, column, value in given if value is not None]
    blocks = select(event_block.c.block).where(*conditions).subquery()
    inside = (event.c.id >= blocks.c.block * BLOCK, event.c.id < (blocks.c.block + 1) * BLOCK)
    order = event.c.id.desc() if query.after is None else event.c.id
    found = select(*_COLUMNS).where(*_conditions(query), *inside).order_by(order).limit(query.limit).lateral()
    ordered = (blocks.c.block, found.c.id) if query.after is not None else (blocks.c.block.desc(), found.c.id.desc())
    return select(found).select_from(blocks.join(found, true())).order_by(*ordered).limit(query.limit)


def _conditions(query: EventQuery) -> list[ColumnElement[bool]]:
    given = (
        (ge, event.c.occurred_ns, query.since_ns),
        (lt, event.c.occurred_ns, query.until_ns),
        (eq, event.c.camera, query.camera),
        (eq, event.c.edge, query.edge),
        (eq, event.c.kind, query.kind),
        (lt, event.c.id, query.before),
        (gt, event.c.id, query.after),
    )
    wanted = [compare(column, value) for compare, column, value in given if value is not None]
    if query.severity > 1:  # a literal, for the sake of partial indexes
        wanted.append(event.c.severity >= bindparam(None, query.severity, literal_execute=True))
    if query.text:
        wanted.append(or_(*(each.icontains(query.text, autoescape=True) for each in (event.c.message, event.c.kind))))
    if query.exclude:
        wanted.append(event.c.kind.not_in(query.exclude))
    return wanted
