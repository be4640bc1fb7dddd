"""Calls, folded out of the events of their legs, and the ids of what is told once."""

from alembic import op

revision = "0002"
down_revision = "0001"

TABLES = """
CREATE TABLE calls (
    call_id uuid PRIMARY KEY,
    channel text NOT NULL,
    kind text NOT NULL,
    external_id text NOT NULL,
    state jsonb NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE INDEX calls_external ON calls (external_id);
CREATE INDEX calls_seen ON calls (seen_at);
CREATE TABLE told (
    fact_id uuid PRIMARY KEY,
    told_at timestamptz NOT NULL
);
CREATE INDEX told_at ON told (told_at);
"""


def upgrade() -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE told")
    op.execute("DROP TABLE calls")
