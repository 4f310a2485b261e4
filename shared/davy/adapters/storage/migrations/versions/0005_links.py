"""Links that sign in once.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "access_link",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("user_name", sa.Text, sa.ForeignKey("access_user.name", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_ns", sa.BigInteger, nullable=False),
    )
