"""Messages that leave through channels, their pace, whom we heard from when, receipts that came early."""

from alembic import op

revision = "0003"
down_revision = "0002"

# `place` is the order of a queue; a settled message keeps no text. `progress` is what the vendor told
# later, `in_doubt` says that an attempt may have been one too many already.
TABLES = """
CREATE TABLE sends (
    message_id uuid PRIMARY KEY,
    place bigint GENERATED ALWAYS AS IDENTITY,
    channel text NOT NULL,
    kind text NOT NULL,
    address text NOT NULL,
    body text NOT NULL,
    reply_to text NOT NULL,
    digest bytea NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'failed', 'unknown')),
    progress text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    in_doubt boolean NOT NULL DEFAULT false,
    next_try_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    owner uuid,
    lease_until timestamptz,
    first_at timestamptz,
    starts_at timestamptz,
    external_id text,
    code text NOT NULL DEFAULT '',
    reason text NOT NULL DEFAULT '',
    correlation text NOT NULL,
    traceparent text,
    created_at timestamptz NOT NULL,
    settled_at timestamptz
);
CREATE INDEX sends_queued ON sends (channel, place) WHERE state = 'queued';
CREATE INDEX sends_open ON sends (channel, address, place) WHERE state IN ('queued', 'sending');
CREATE INDEX sends_leased ON sends (lease_until) WHERE state = 'sending';
CREATE INDEX sends_under_way ON sends (channel) WHERE state = 'sending';
CREATE INDEX sends_expiring ON sends (expires_at) WHERE state = 'queued';
CREATE INDEX sends_started ON sends (channel, address, starts_at);
CREATE INDEX sends_external ON sends (external_id, channel) WHERE external_id IS NOT NULL;
CREATE INDEX sends_newest ON sends (created_at DESC, message_id);
CREATE TABLE paces (
    channel text PRIMARY KEY,
    free_at timestamptz NOT NULL
);
CREATE TABLE heard (
    channel text NOT NULL,
    address text NOT NULL,
    heard_at timestamptz NOT NULL,
    PRIMARY KEY (channel, address)
);
CREATE INDEX heard_at ON heard (heard_at);
CREATE TABLE early_receipts (
    receipt_id uuid PRIMARY KEY,
    channel text NOT NULL,
    external_id text NOT NULL,
    type text NOT NULL,
    fact jsonb NOT NULL,
    cause text NOT NULL,
    correlation text NOT NULL,
    traceparent text,
    came_at timestamptz NOT NULL
)
"""


def upgrade() -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for table in ("early_receipts", "heard", "paces", "sends"):
        op.execute(f"DROP TABLE {table}")
