"""Outbound SCIM: where apps are pushed to, what is to be pushed, whose turn it is"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime(timezone=True)

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scim_targets",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("base_url", sa.String(), nullable=False),
        sa.Column("token_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("tenants", JSON, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_scim_targets")),
    )
    op.create_table(
        "scim_pushes",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("resource_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("give_up_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "app_id", "kind", "resource_id", name=op.f("pk_scim_pushes")),
    )
    queue = ["tenant_id", "app_id", "status", "position"]
    op.create_index("ix_scim_pushes_tenant_id_queue", "scim_pushes", queue, unique=False)
    op.create_table(
        "scim_queues",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("wakes", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "app_id", name=op.f("pk_scim_queues")),
    )
    op.create_index("ix_scim_queues_due_at", "scim_queues", ["due_at"], unique=False)
    op.execute("INSERT INTO feed_followers (name, position) VALUES ('outbound_scim', 0)")


def downgrade() -> None:
    op.execute("DELETE FROM feed_followers WHERE name = 'outbound_scim'")
    op.drop_index("ix_scim_queues_due_at", "scim_queues")
    op.drop_table("scim_queues")
    op.drop_index("ix_scim_pushes_tenant_id_queue", "scim_pushes")
    op.drop_table("scim_pushes")
    op.drop_table("scim_targets")
