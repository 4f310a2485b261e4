"""Recorded video: segments, spans, intervals, clips.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", ROW_ID, primary_key=True, autoincrement=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "recording_segment",
        _id(),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("strength", sa.Float, nullable=False),
        sa.UniqueConstraint("camera", "variant", "boot_id", "first_seq", name="recording_segment_name"),
    )
    op.create_index("recording_segment_time", "recording_segment", ["camera", "variant", "start_ns"])
    op.create_index("recording_segment_oldest", "recording_segment", ["start_ns"])
    op.create_table(
        "recording_span",
        _id(),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("recording_span_time", "recording_span", ["camera", "variant", "start_ns"])
    op.create_table(
        "recording_interval",
        _id(),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
    )
    op.create_index("recording_interval_end", "recording_interval", ["camera", "kind", "end_ns"])
    op.create_table(
        "recording_clip",
        _id(),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("start_ns", sa.BigInteger, nullable=False),
        sa.Column("end_ns", sa.BigInteger, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_ns", sa.BigInteger, nullable=False),
        sa.Column("released_by", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("recording_clip_time", "recording_clip", ["camera", "start_ns"])
