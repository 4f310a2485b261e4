"""The tables of events and keyframes, and what a row of them takes."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from davy.adapters.storage.schema import RowId, metadata

NOUN = "event"
ROW_BYTES = 400  # of an event without texts: columns, four indexes, and unused space of pages

event = Table(
    "event",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("site", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("camera", Text, nullable=False),
    Column("occurred_ns", BigInteger, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("marks", Text, nullable=False, server_default="[]"),
    UniqueConstraint("site", "edge", "boot_id", "seq", name="event_name"),
    Index("event_occurred", "occurred_ns"),
    Index("event_received", "received_ns"),
    Index("event_camera", "camera", "id"),
    sqlite_autoincrement=True,
)
keyframe = Table(
    "keyframe",
    metadata,
    Column("event", RowId, ForeignKey("event.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("jpeg", LargeBinary, nullable=False),
)
SIZE = ROW_BYTES + func.length(event.c.message) + func.length(event.c.figures) + func.length(event.c.marks)
NAME = (event.c.site, event.c.edge, event.c.boot_id, event.c.seq)  # identifies an event permanently

# In PostgreSQL alone, where a trigger keeps it: the times of occurrence of BLOCK ids in a row. A page of a time range reads the
# blocks that can hold such events, not every newer event.
BLOCK = 4096
event_block = Table(
    "event_block",
    MetaData(),
    Column("block", BigInteger, primary_key=True),  # id // BLOCK
    Column("since_ns", BigInteger, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
)
