"""People whom an identity provider or a proxy authenticates.

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
    """Add the columns."""
    for name in ("origin", "subject"):
        op.add_column("access_user", sa.Column(name, sa.Text, nullable=False, server_default=""))
