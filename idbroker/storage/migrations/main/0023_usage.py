"""Usage: records, days, active people, cursors, and what a biller was told"""

import sqlalchemy as sa
from alembic import op

MOMENT = sa.DateTime(timezone=True)

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage_records",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_usage_records")),
    )
    op.create_index("ix_usage_records_tenant_id_day", "usage_records", ["tenant_id", "day", "meter"], unique=False)
    op.create_table(
        "usage_days",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "day", "meter", name=op.f("pk_usage_days")),
    )
    op.create_table(
        "usage_people",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("month", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "month", "user_id", name=op.f("pk_usage_people")),
    )
    op.create_table(
        "usage_cursors",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("pk_usage_cursors")),
    )
    op.create_table(
        "usage_customers",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("biller", sa.String(), nullable=False),
        sa.Column("customer", sa.String(), nullable=False),
        sa.Column("since", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "biller", name=op.f("pk_usage_customers")),
    )
    op.create_table(
        "usage_exports",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("meter", sa.String(), nullable=False),
        sa.Column("sent", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", MOMENT, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "day", "meter", name=op.f("pk_usage_exports")),
    )
    op.execute("INSERT INTO feed_followers (name, position) SELECT 'metering', position FROM feed_head WHERE id = 1")


def downgrade() -> None:
    op.execute("DELETE FROM feed_followers WHERE name = 'metering'")
    for table in ("usage_exports", "usage_customers", "usage_cursors", "usage_people", "usage_days", "usage_records"):
        op.drop_table(table)
