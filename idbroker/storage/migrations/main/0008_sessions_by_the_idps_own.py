"""Sessions found by the IdP's own session alone (OIDC Back-Channel Logout), and what an app asks of the IdP"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_sessions_tenant_id_upstream_session_digest", "sessions", ["tenant_id", "upstream_session_digest"], unique=False
    )
    op.add_column("attempts", sa.Column("acr_values", sa.String(), nullable=True))
    op.add_column("attempts", sa.Column("prompt", sa.String(), nullable=True))
