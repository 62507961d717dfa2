"""The tenant through which operators may sign in, and who of it they are"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "operator_tenant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tenant", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_tenant")),
    )
    op.add_column("operators", sa.Column("user_id", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("operators", "user_id")
    op.drop_table("operator_tenant")
