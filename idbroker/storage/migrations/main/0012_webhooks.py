"""Webhooks: endpoints, secrets, queues, deliveries, and how far the feed was followed; logouts by app"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime(timezone=True)

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhooks",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("held_until", MOMENT, nullable=True),
        sa.Column("last_success_at", MOMENT, nullable=True),
        sa.Column("last_failure_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhooks")),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "webhook_id", "id", name=op.f("pk_webhook_secrets")),
    )
    op.create_table(
        "webhook_queues",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("events", JSON, nullable=False),
        sa.Column("tenants", JSON, nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("after_position", sa.BigInteger(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("wakes", sa.Integer(), nullable=False),
        sa.Column("failing", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhook_queues")),
    )
    op.create_index("ix_webhook_queues_due_at", "webhook_queues", ["due_at"], unique=False)
    op.create_index("ix_webhook_queues_tenant_id", "webhook_queues", ["tenant_id"], unique=False)
    op.create_table(
        "webhook_deliveries",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("webhook_id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event_tenant", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("give_up_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("tries", JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhook_deliveries")),
    )
    queue = ["tenant_id", "webhook_id", "status", "position"]
    op.create_index("ix_webhook_deliveries_tenant_id_queue", "webhook_deliveries", queue, unique=False)
    op.create_index(
        "ix_webhook_deliveries_tenant_id_created_at", "webhook_deliveries", ["tenant_id", "created_at"], unique=False
    )
    followers = op.create_table(
        "feed_followers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feed_followers")),
    )
    op.add_column("logouts_due", sa.Column("client_id", sa.String(), nullable=True))
    op.bulk_insert(followers, [{"name": "webhooks", "position": 0}])


def downgrade() -> None:
    op.drop_column("logouts_due", "client_id")
    op.drop_table("feed_followers")
    op.drop_index("ix_webhook_deliveries_tenant_id_created_at", "webhook_deliveries")
    op.drop_index("ix_webhook_deliveries_tenant_id_queue", "webhook_deliveries")
    op.drop_table("webhook_deliveries")
    op.drop_index("ix_webhook_queues_tenant_id", "webhook_queues")
    op.drop_index("ix_webhook_queues_due_at", "webhook_queues")
    op.drop_table("webhook_queues")
    op.drop_table("webhook_secrets")
    op.drop_table("webhooks")
