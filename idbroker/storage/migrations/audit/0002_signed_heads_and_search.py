"""Signed heads; indexes for search, and one of words"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
FOUND_BY = ("action", "actor_id", "resource_id", "at")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("peaks", JSON, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("pk_audit_heads")),
    )
    op.create_index("ix_audit_heads_tenant_id_kind_size", "audit_heads", ["tenant_id", "kind", "size"], unique=False)
    op.create_table(
        "audit_terms",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("era", sa.Integer(), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "era", "term", "sequence", name=op.f("pk_audit_terms")),
        sqlite_with_rowid=False,
    )
    for column in FOUND_BY:
        op.create_index(
            f"ix_audit_records_tenant_id_{column}_sequence", "audit_records", ["tenant_id", column, "sequence"], unique=False
        )


def downgrade() -> None:
    for column in FOUND_BY:
        op.drop_index(f"ix_audit_records_tenant_id_{column}_sequence", "audit_records")
    op.drop_table("audit_terms")
    op.drop_table("audit_heads")
