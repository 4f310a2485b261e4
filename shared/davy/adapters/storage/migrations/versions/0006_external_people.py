"""People whom an identity provider or a proxy authenticates.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for name in ("origin", "subject"):
        op.add_column("access_user", sa.Column(name, sa.Text, nullable=False, server_default=""))
