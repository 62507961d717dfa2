"""Single logout: trips to IdPs, and sessions found by the names that their IdPs use"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "logout_attempts",
        sa.Column("handle_digest", sa.String(), nullable=False),
        sa.Column("browser_digest", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("waiting", JSON, nullable=False),
        sa.Column("troubles", JSON, nullable=False),
        sa.Column("location", sa.String(), nullable=True),
        sa.Column("app_name", sa.String(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("handle_digest", name=op.f("pk_logout_attempts")),
    )
    op.create_index("ix_logout_attempts_expires_at", "logout_attempts", ["expires_at"], unique=False)
    op.add_column("sessions", sa.Column("upstream_person_digest", sa.String(), nullable=True))
    op.add_column("sessions", sa.Column("upstream_session_digest", sa.String(), nullable=True))
    op.create_index(
        "ix_sessions_tenant_id_upstream_person_digest", "sessions", ["tenant_id", "upstream_person_digest"], unique=False
    )
