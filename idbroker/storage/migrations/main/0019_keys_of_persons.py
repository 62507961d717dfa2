"""A key for each person whom a trail tells of; receipts of erasures"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "person_keys",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("mark", sa.String(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_person_keys")),
    )
    op.create_index("uq_person_keys_tenant_id_mark", "person_keys", ["tenant_id", "mark"], unique=True)


    op.create_table(
        "person_erasures",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("owners", JSON, nullable=False),
        sa.Column("strangers", JSON, nullable=False),
        sa.Column("stores", JSON, nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_person_erasures")),
    )
    for column in ("user_id", "completed_at"):
        op.create_index(f"ix_person_erasures_tenant_id_{column}", "person_erasures", ["tenant_id", column], unique=False)
    op.create_table(
        "tenant_erasures",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("requested_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("stores", JSON, nullable=False),
        sa.Column("waiting_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receipt", JSON, nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_tenant_erasures")),
    )
    op.create_index("ix_tenant_erasures_completed_at", "tenant_erasures", ["completed_at"], unique=False)


def downgrade() -> None:
    op.drop_table("tenant_erasures")
    op.drop_table("person_erasures")
    op.drop_table("person_keys")
