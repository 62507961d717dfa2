"""The feed: what apps are told, in order; the outbox carries the resource as the change left it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox", sa.Column("portrait", JSON, nullable=True))
    head = op.create_table(
        "feed_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_head")),
    )
    op.bulk_insert(head, [{"id": 1, "position": 0}])
    op.create_table(
        "feed_order",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_feed_order")),
    )
    op.create_index("ix_feed_order_at", "feed_order", ["at"], unique=False)
    op.create_index("ix_feed_order_event_id", "feed_order", ["event_id"], unique=False)
    op.create_table(
        "feed_events",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feed_events")),
    )
    op.create_index("ix_feed_events_tenant_id_position", "feed_events", ["tenant_id", "position"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_feed_events_tenant_id_position", "feed_events")
    op.drop_table("feed_events")
    op.drop_index("ix_feed_order_event_id", "feed_order")
    op.drop_index("ix_feed_order_at", "feed_order")
    op.drop_table("feed_order")
    op.drop_table("feed_head")
    op.drop_column("outbox", "portrait")
