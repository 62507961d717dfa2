"""What operators see of all tenants at once: sign-ins by day, and what wants attention"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "survey_days",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "action", "code", name=op.f("pk_survey_days")),
    )
    op.create_table(
        "survey_reaches",
        sa.Column("tenant", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_survey_reaches")),
    )
    op.create_table(
        "concerns",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("of_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "of_id", name=op.f("pk_concerns")),
    )
    op.create_index("ix_concerns_at", "concerns", ["at"], unique=False)


def downgrade() -> None:
    for table in ("concerns", "survey_reaches", "survey_days"):
        op.drop_table(table)
