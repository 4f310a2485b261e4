"""The audit journal.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
TEXTS = ("who", "role", "via", "address", "operation", "target", "before", "after", "answer", "request_id", "previous", "hash")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "journal",
        sa.Column("sequence", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in TEXTS),
    )
    op.create_index("journal_at", "journal", ["at_ns"])
    op.create_index("journal_who", "journal", ["who", "sequence"])
    op.create_table(
        "journal_checkpoint",
        sa.Column("sequence", ROW_ID, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("removed_to", sa.BigInteger, nullable=False),
        sa.Column("at_ns", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    space = sa.table("space_used", sa.column("noun"), sa.column("bytes"), sa.column("counted_to"))
    op.bulk_insert(space, [{"noun": "journal", "bytes": 0, "counted_to": 0}])
