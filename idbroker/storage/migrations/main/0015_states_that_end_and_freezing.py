"""Since when a tenant is in its state, whether it is frozen or artificial, and answers kept for retries"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tenants", sa.Column("status_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenants", sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("tenants", sa.Column("synthetic", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_tenants_status_status_since", "tenants", ["status", "status_since"], unique=False)
    op.execute("UPDATE tenants SET status_since = updated_at")
    op.create_table(
        "kept_answers",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("key_digest", sa.String(), nullable=False),
        sa.Column("request_digest", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "key_digest", name=op.f("pk_kept_answers")),
    )
    op.create_index("ix_kept_answers_tenant_id_begun_at", "kept_answers", ["tenant_id", "begun_at"], unique=False)
