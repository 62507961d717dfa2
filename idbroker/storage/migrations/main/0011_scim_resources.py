"""SCIM resources, their counts and walks; what directories did lately; whose people and groups are"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
CODE_POINTS = sa.String().with_variant(sa.String(collation="C"), "postgresql")

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scim_users",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", CODE_POINTS, nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("user_name_key", CODE_POINTS, nullable=False),
        sa.Column("external_id", CODE_POINTS, nullable=True),
        sa.Column("display_name_key", CODE_POINTS, nullable=True),
        sa.Column("label_key", CODE_POINTS, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("comparable", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_scim_users")),
    )
    op.create_index(
        "uq_scim_users_tenant_id_user_name_key", "scim_users", ["tenant_id", "directory_id", "user_name_key"], unique=True
    )
    op.create_index("ix_scim_users_tenant_id_id", "scim_users", ["tenant_id", "directory_id", "id"], unique=False)
    op.create_index("ix_scim_users_tenant_id_external_id", "scim_users", ["tenant_id", "directory_id", "external_id"], unique=False)
    op.create_index(
        "ix_scim_users_tenant_id_display_name_key", "scim_users", ["tenant_id", "directory_id", "display_name_key"], unique=False
    )
    op.create_table(
        "scim_emails",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("user_id", CODE_POINTS, nullable=False),
        sa.Column("value_key", CODE_POINTS, nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("is_primary", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "value_key", name=op.f("pk_scim_emails")),
    )
    op.create_index("ix_scim_emails_tenant_id_value_key", "scim_emails", ["tenant_id", "directory_id", "value_key"], unique=False)
    op.create_table(
        "scim_groups",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", CODE_POINTS, nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("display_name_key", CODE_POINTS, nullable=False),
        sa.Column("external_id", CODE_POINTS, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("comparable", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modified_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_scim_groups")),
    )
    op.create_index("ix_scim_groups_tenant_id_id", "scim_groups", ["tenant_id", "directory_id", "id"], unique=False)
    op.create_index(
        "ix_scim_groups_tenant_id_display_name_key", "scim_groups", ["tenant_id", "directory_id", "display_name_key"],
        unique=False,
    )
    op.create_index(
        "ix_scim_groups_tenant_id_external_id", "scim_groups", ["tenant_id", "directory_id", "external_id"], unique=False
    )
    op.create_table(
        "group_links",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("member_id", sa.String(), nullable=False),
        sa.Column("group_id", sa.String(), nullable=False),
        sa.Column("display", sa.String(), nullable=True),
        sa.Column("display_key", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "member_id", "group_id", name=op.f("pk_group_links")),
    )
    op.create_index("ix_group_links_tenant_id_group_id", "group_links", ["tenant_id", "group_id"], unique=False)
    op.create_table(
        "resource_counts",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "directory_id", "kind", "slot", name=op.f("pk_resource_counts")),
    )
    op.create_table(
        "walk_anchors",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("next_index", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("after_id", CODE_POINTS, nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "directory_id", "query", "next_index", name=op.f("pk_walk_anchors")),
    )
    op.create_index("ix_walk_anchors_tenant_id_at", "walk_anchors", ["tenant_id", "at"], unique=False)
    op.create_table(
        "directory_requests",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("milliseconds", sa.Integer(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.Column("effects", JSON, nullable=False),
        sa.Column("observations", JSON, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_directory_requests")),
    )
    op.create_index(
        "ix_directory_requests_tenant_id_directory_id", "directory_requests", ["tenant_id", "directory_id", "id"], unique=False
    )
    op.create_index("ix_directory_requests_tenant_id_at", "directory_requests", ["tenant_id", "at"], unique=False)
    op.create_table(
        "directory_traffic",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("user_agents", JSON, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "directory_id", name=op.f("pk_directory_traffic")),
    )
    op.create_table(
        "deactivations",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("directory_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_deactivations")),
    )
    op.create_index(
        "ix_deactivations_tenant_id_directory_id", "deactivations", ["tenant_id", "directory_id", "at"], unique=False
    )

    op.add_column("users", sa.Column("directory_id", sa.String(), nullable=True))
    op.add_column("groups", sa.Column("directory_id", sa.String(), nullable=True))
    op.add_column("memberships", sa.Column("source", sa.String(), nullable=False, server_default="claims"))
    for name in ("display", "display_key"):
        op.add_column("memberships", sa.Column(name, sa.String(), nullable=True))
    op.create_index("ix_memberships_tenant_id_group_id", "memberships", ["tenant_id", "group_id", "user_id"], unique=False)
    op.create_index("ix_identities_tenant_id_subject", "identities", ["tenant_id", "subject"], unique=False)
    op.drop_index("uq_groups_tenant_id_source_display_name", "groups")
    claimed = sa.column("directory_id").is_(None)
    op.create_index(
        "uq_groups_tenant_id_source_display_name", "groups", ["tenant_id", "source", "display_name"], unique=True,
        sqlite_where=claimed, postgresql_where=claimed,
    )


def downgrade() -> None:
    op.drop_index("uq_groups_tenant_id_source_display_name", "groups")
    op.create_index(
        "uq_groups_tenant_id_source_display_name", "groups", ["tenant_id", "source", "display_name"], unique=True
    )
    op.drop_index("ix_identities_tenant_id_subject", "identities")
    op.drop_index("ix_memberships_tenant_id_group_id", "memberships")
    for name in ("display_key", "display", "source"):
        op.drop_column("memberships", name)
    op.drop_column("groups", "directory_id")
    op.drop_column("users", "directory_id")
    for table in (
        "deactivations", "directory_traffic", "directory_requests", "walk_anchors", "resource_counts", "group_links",
        "scim_groups", "scim_emails", "scim_users",
    ):
        op.drop_table(table)
