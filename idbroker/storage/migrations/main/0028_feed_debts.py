"""What followers of the feed owe to tenants whose cell was away"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_debts",
        sa.Column("follower", sa.String(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("behind", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("follower", "tenant", name=op.f("pk_feed_debts")),
    )


def downgrade() -> None:
    op.drop_table("feed_debts")
