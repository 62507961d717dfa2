"""How a tenant looks to its own people; when somebody last came through each connection, by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brandings",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("colour", sa.String(), nullable=True),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_type", sa.String(), nullable=True),
        sa.Column("logo_width", sa.Integer(), nullable=True),
        sa.Column("logo_height", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_brandings")),
    )
    op.create_index(
        "ix_sessions_tenant_id_connection_id_started_at", "sessions", ["tenant_id", "connection_id", "started_at"]
    )


def downgrade() -> None:
    op.drop_index("ix_sessions_tenant_id_connection_id_started_at", table_name="sessions")
    op.drop_table("brandings")
