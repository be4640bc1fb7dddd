"""What a channel's guard set aside, and the counts by which it does."""

from alembic import op

revision = "0005"
down_revision = "0004"

# `sender` is a keyed hash, empty for the whole channel. Rows are of use for their span only.
STATEMENTS = (
    "ALTER TABLE deliveries DROP CONSTRAINT deliveries_verdict_check",
    "ALTER TABLE deliveries ADD CONSTRAINT deliveries_verdict_check CHECK (verdict IN"
    " ('waiting', 'accepted', 'ignored', 'rejected', 'failed', 'quarantined'))",
    "CREATE INDEX deliveries_quarantined ON deliveries (channel, id) WHERE verdict = 'quarantined'",
    """
    CREATE TABLE guard_counts (
        channel text NOT NULL,
        sender text NOT NULL,
        begins_at timestamptz NOT NULL,
        ends_at timestamptz NOT NULL,
        seen integer NOT NULL,
        PRIMARY KEY (channel, sender, begins_at, ends_at)
    )
    """,
    "CREATE INDEX guard_counts_ended ON guard_counts (ends_at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE guard_counts")
    op.execute("DROP INDEX deliveries_quarantined")
    op.execute("UPDATE deliveries SET verdict = 'ignored' WHERE verdict = 'quarantined'")
    op.execute("ALTER TABLE deliveries DROP CONSTRAINT deliveries_verdict_check")
    op.execute(
        "ALTER TABLE deliveries ADD CONSTRAINT deliveries_verdict_check CHECK (verdict IN"
        " ('waiting', 'accepted', 'ignored', 'rejected', 'failed'))"
    )
