"""Refresh families, used and revoked token ids, pushed requests; apps with keys and resources"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refresh_families",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("grant", JSON, nullable=False),
        sa.Column("seed_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("request", JSON, nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_refresh_families")),
    )
    op.create_index("ix_refresh_families_tenant_id_session_id", "refresh_families", ["tenant_id", "session_id"], unique=False)
    op.create_index("ix_refresh_families_tenant_id_user_id", "refresh_families", ["tenant_id", "user_id"], unique=False)

    op.create_table(
        "used_jtis",
        sa.Column("maker", sa.String(), nullable=False),
        sa.Column("jti_digest", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("maker", "jti_digest", name=op.f("pk_used_jtis")),
    )
    op.create_index("ix_used_jtis_until", "used_jtis", ["until"], unique=False)

    op.create_table(
        "revoked_tokens",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("token_id", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "token_id", name=op.f("pk_revoked_tokens")),
    )

    op.create_table(
        "pushed_requests",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pushed_requests")),
    )
    op.create_index("ix_pushed_requests_expires_at", "pushed_requests", ["expires_at"], unique=False)

    op.create_table(
        "revocations",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("refresh_families", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_revocations")),
    )
    op.create_index("ix_revocations_tenant_id_user_id", "revocations", ["tenant_id", "user_id"], unique=False)

    op.create_table(
        "logout_deliveries",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("revocation_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_logout_deliveries")),
    )
    op.create_index(
        "ix_logout_deliveries_tenant_id_revocation_id", "logout_deliveries", ["tenant_id", "revocation_id"], unique=False
    )

    op.create_table(
        "logouts_due",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_logouts_due")),
    )
    op.create_index("ix_logouts_due_due_at", "logouts_due", ["due_at"], unique=False)

    op.drop_column("signing_keys", "state")  # it follows from the times

    op.add_column("apps", sa.Column("jwks", JSON, nullable=True))
    op.add_column("apps", sa.Column("jwks_uri", sa.String(), nullable=True))
    op.add_column("apps", sa.Column("resources", JSON, nullable=False, server_default="[]"))
    for name in ("require_pushed_authorization_requests", "dpop_bound_access_tokens"):
        op.add_column("apps", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    op.add_column("signing_keys", sa.Column("state", sa.String(), nullable=False, server_default="active"))
    for table, index in (
        ("logouts_due", "ix_logouts_due_due_at"),
        ("logout_deliveries", "ix_logout_deliveries_tenant_id_revocation_id"),
        ("revocations", "ix_revocations_tenant_id_user_id"),
    ):
        op.drop_index(index, table)
        op.drop_table(table)
    for name in ("dpop_bound_access_tokens", "require_pushed_authorization_requests", "resources", "jwks_uri", "jwks"):
        op.drop_column("apps", name)
    op.drop_index("ix_pushed_requests_expires_at", "pushed_requests")

    op.drop_table("pushed_requests")
    op.drop_table("revoked_tokens")
    op.drop_index("ix_used_jtis_until", "used_jtis")

    op.drop_table("used_jtis")
    op.drop_index("ix_refresh_families_tenant_id_user_id", "refresh_families")
    op.drop_index("ix_refresh_families_tenant_id_session_id", "refresh_families")

    op.drop_table("refresh_families")
