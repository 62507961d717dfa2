"""Directories and their tokens"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "directories",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=True),
        sa.Column("connection_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("brake_users", sa.Integer(), nullable=True),
        sa.Column("brake_percent", sa.Integer(), nullable=True),
        sa.Column("brake_minutes", sa.Integer(), nullable=False),
        sa.Column("brake_held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("brake_released_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extension_schemas", JSON, nullable=False),
        sa.Column("dialect", sa.String(), nullable=True),
        sa.Column("last_request_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_directories")),
    )
    op.create_table(
        "directory_tokens",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("secret_digest", sa.String(), nullable=False),
        sa.Column("scopes", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_directory_tokens")),
    )
    op.create_index(
        "ix_directory_tokens_tenant_id_directory_id", "directory_tokens", ["tenant_id", "directory_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_directory_tokens_tenant_id_directory_id", "directory_tokens")
    op.drop_table("directory_tokens")
    op.drop_table("directories")
