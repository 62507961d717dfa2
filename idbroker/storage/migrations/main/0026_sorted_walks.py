"""Walks over sorted lists remember the value behind which they go on; how many of those read are gone is not counted any more"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    op.drop_column("walk_anchors", "gone")
    op.add_column("walk_anchors", sa.Column("after_key", JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("walk_anchors", "after_key")
    op.add_column("walk_anchors", sa.Column("gone", sa.Integer(), nullable=False, server_default="0"))
