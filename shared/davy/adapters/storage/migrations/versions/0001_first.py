"""Events, samples, rollouts, configurations and training runs.

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    _create_events()
    _create_samples()
    _create_decisions()
    _create_runs()
    space = op.create_table(
        "space_used",
        sa.Column("noun", sa.Text, primary_key=True),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("counted_to", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(space, [{"noun": "event", "bytes": 0, "counted_to": 0}])
    op.create_table(
        "imported_file",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("complete", sa.Boolean, nullable=False),
    )


def _create_events() -> None:
    op.create_table(
        "event",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("edge", sa.Text, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("occurred_ns", sa.BigInteger, nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.UniqueConstraint("site", "edge", "boot_id", "seq", name="event_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("event_occurred", "event", ["occurred_ns"])
    op.create_index("event_received", "event", ["received_ns"])
    op.create_index("event_camera", "event", ["camera", "id"])
    op.create_table(
        "keyframe",
        sa.Column("event", ROW_ID, sa.ForeignKey("event.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
    )


def _create_samples() -> None:
    op.create_table(
        "sample",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("edge", sa.Text, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("captured_ns", sa.BigInteger, nullable=False),
        sa.Column("received_ns", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("mean", sa.Double, nullable=False),
        sa.Column("dhash", sa.LargeBinary, nullable=False),
        sa.Column("use", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("site", "edge", "boot_id", "seq", name="sample_name"),
        sqlite_autoincrement=True,
    )
    op.create_index("sample_camera", "sample", ["camera", "id"])
    op.create_table(
        "picture",
        sa.Column("sample", ROW_ID, sa.ForeignKey("sample.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
        sa.Column("jpeg", sa.LargeBinary, nullable=False),
    )


def _create_decisions() -> None:
    op.create_table(
        "rollout",
        sa.Column("seq", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "desired_model",
        sa.Column("edge", sa.Text, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "edge_config",
        sa.Column("edge", sa.Text, primary_key=True),
        sa.Column("epoch", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False),
    )


def _create_runs() -> None:
    op.create_table(
        "training_run",
        sa.Column("seq", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "training_event",
        sa.Column("id", ROW_ID, primary_key=True, autoincrement=True),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("training_event_run", "training_event", ["run", "id"])
