"""What search may know of sealed parts of records, apart from them, so that it can go"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_personal",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "sequence", "item", "person_id", name=op.f("pk_audit_personal")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_audit_personal_tenant_id_person_id", "audit_personal", ["tenant_id", "person_id", "sequence"], unique=False
    )


def downgrade() -> None:
    op.drop_table("audit_personal")
