"""Stored diagnoses, test sign-ins, candidates, metadata refresh, notices"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempts", sa.Column("test_id", sa.String(), nullable=True))
    op.add_column("attempts", sa.Column("candidate_id", sa.String(), nullable=True))

    op.create_table(
        "connection_candidates",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("secrets_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("attribute_mapping", JSON, nullable=False),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("content_digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_connection_candidates")),
    )
    op.create_index(
        "ix_connection_candidates_tenant_id_connection_id",
        "connection_candidates",
        ["tenant_id", "connection_id"],
        unique=False,
    )

    op.create_table(
        "previous_configurations",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("settings", JSON, nullable=False),
        sa.Column("secrets_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("options", JSON, nullable=False),
        sa.Column("attribute_mapping", JSON, nullable=False),
        sa.Column("warnings", JSON, nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "connection_id", name=op.f("pk_previous_configurations")),
    )
    op.create_table(
        "refresh_schedule",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_refresh_schedule")),
    )
    op.create_index("ix_refresh_schedule_next_at", "refresh_schedule", ["next_at"], unique=False)

    op.create_table(
        "metadata_refreshes",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("dismissed", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "connection_id", name=op.f("pk_metadata_refreshes")),
    )
    op.create_table(
        "connection_notices",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "connection_id", "subject", name=op.f("pk_connection_notices")),
    )
    op.create_table(
        "diagnoses",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("attempt_digest", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "reference", name=op.f("pk_diagnoses")),
    )
    op.create_index(
        "ix_diagnoses_tenant_id_connection_id_at", "diagnoses", ["tenant_id", "connection_id", "at"], unique=False
    )

    op.create_table(
        "test_sign_ins",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("candidate_id", sa.String(), nullable=True),
        sa.Column("link_digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_test_sign_ins")),
    )
    op.create_index(
        "uq_test_sign_ins_tenant_id_link_digest", "test_sign_ins", ["tenant_id", "link_digest"], unique=True
    )
    op.create_index(
        "ix_test_sign_ins_tenant_id_connection_id", "test_sign_ins", ["tenant_id", "connection_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_test_sign_ins_tenant_id_connection_id", "test_sign_ins")
    op.drop_index("uq_test_sign_ins_tenant_id_link_digest", "test_sign_ins")

    op.drop_table("test_sign_ins")
    op.drop_index("ix_diagnoses_tenant_id_connection_id_at", "diagnoses")

    op.drop_table("diagnoses")
    op.drop_table("connection_notices")
    op.drop_table("metadata_refreshes")
    op.drop_index("ix_refresh_schedule_next_at", "refresh_schedule")

    op.drop_table("refresh_schedule")
    op.drop_table("previous_configurations")
    op.drop_index("ix_connection_candidates_tenant_id_connection_id", "connection_candidates")

    op.drop_table("connection_candidates")
    op.drop_column("attempts", "candidate_id")
    op.drop_column("attempts", "test_id")
