"""Shared Signals: streams of apps with their queues, SETs and subjects; providers that are received; the feed's follower"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
MOMENT = sa.DateTime(timezone=True)

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signal_streams",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("pinned", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("endpoint_url", sa.String(), nullable=True),
        sa.Column("authorization_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("events_requested", JSON, nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("held_until", MOMENT, nullable=True),
        sa.Column("last_success_at", MOMENT, nullable=True),
        sa.Column("last_failure_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("verified_at", MOMENT, nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signal_streams")),
    )
    op.create_index("ix_signal_streams_tenant_id_app_id", "signal_streams", ["tenant_id", "app_id"], unique=False)
    op.create_table(
        "signal_queues",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("stream_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("filling", sa.Boolean(), nullable=False),
        sa.Column("after_position", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=True),
        sa.Column("lease", sa.String(), nullable=True),
        sa.Column("leased_until", MOMENT, nullable=True),
        sa.Column("wakes", sa.Integer(), nullable=False),
        sa.Column("failing", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("stream_id", name=op.f("pk_signal_queues")),
    )
    for column in ("due_at", "tenant_id", "app_id"):
        op.create_index(f"ix_signal_queues_{column}", "signal_queues", [column], unique=False)
    op.create_table(
        "signal_sets",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("stream_id", sa.String(), nullable=False),
        sa.Column("event_tenant", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("control", sa.Boolean(), nullable=False),
        sa.Column("claims", JSON, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("give_up_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("tries", JSON, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signal_sets")),
    )
    queue = ["tenant_id", "stream_id", "status", "position"]
    op.create_index("ix_signal_sets_tenant_id_stream_id", "signal_sets", queue, unique=False)
    op.create_index("ix_signal_sets_tenant_id_created_at", "signal_sets", ["tenant_id", "created_at"], unique=False)
    op.create_table(
        "signal_subjects",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("stream_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("subject", JSON, nullable=False),
        sa.Column("is_complex", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "stream_id", "digest", name=op.f("pk_signal_subjects")),
    )
    op.create_table(
        "signal_sources",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("jwks_uri", sa.String(), nullable=False),
        sa.Column("audience", JSON, nullable=False),
        sa.Column("poll_url", sa.String(), nullable=True),
        sa.Column("poll_token_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_received_at", MOMENT, nullable=True),
        sa.Column("last_refused_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "connection_id", name=op.f("pk_signal_sources")),
    )
    op.create_table(
        "signal_polls",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_signal_polls")),
    )
    op.create_index("ix_signal_polls_due_at", "signal_polls", ["due_at"], unique=False)
    op.create_index("ix_signal_polls_tenant_id", "signal_polls", ["tenant_id"], unique=False)
    op.create_table(
        "signalled_off",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("connection_id", sa.String(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", name=op.f("pk_signalled_off")),
    )
    op.execute("INSERT INTO feed_followers (name, position) SELECT 'signals', position FROM feed_head WHERE id = 1")


def downgrade() -> None:
    op.execute("DELETE FROM feed_followers WHERE name = 'signals'")
    for table in ("signalled_off", "signal_polls", "signal_sources", "signal_subjects", "signal_sets", "signal_queues", "signal_streams"):
        op.drop_table(table)
