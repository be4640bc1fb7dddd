"""Deliveries as they were judged, and the interactions found in them."""

from alembic import op

from services.runtime.schema import create_runtime_tables

revision = "0001"
down_revision = None

# The raw bytes stay on the bus: a delivery knows where (stream, first_seq, last_seq).
TABLES = """
CREATE TABLE deliveries (
    id text COLLATE "C" PRIMARY KEY,
    channel text NOT NULL,
    kind text NOT NULL,
    stream text NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    first_received_at timestamptz NOT NULL,
    last_received_at timestamptz NOT NULL,
    times integer NOT NULL,
    size integer NOT NULL,
    event text NOT NULL,
    verdict text NOT NULL
        CHECK (verdict IN ('waiting', 'accepted', 'ignored', 'rejected', 'failed')),
    reason text NOT NULL,
    revision integer NOT NULL DEFAULT 1
);
CREATE INDEX deliveries_channel ON deliveries (channel, last_received_at DESC);
CREATE INDEX deliveries_recent ON deliveries (last_received_at DESC);
CREATE INDEX deliveries_failed ON deliveries (channel, last_received_at) WHERE verdict = 'failed';
CREATE INDEX deliveries_waiting ON deliveries (first_received_at) WHERE verdict = 'waiting';
CREATE TABLE interactions (
    interaction_id uuid PRIMARY KEY,
    delivery_id text COLLATE "C" NOT NULL,
    place smallint NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    external_id text,
    message_id text,
    content text,
    received_at timestamptz NOT NULL,
    revision integer NOT NULL,
    digest bytea NOT NULL
);
CREATE INDEX interactions_delivery ON interactions (delivery_id);
CREATE INDEX interactions_content ON interactions (content, received_at) WHERE content IS NOT NULL;
CREATE INDEX interactions_external ON interactions (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX interactions_message ON interactions (message_id) WHERE message_id IS NOT NULL;
"""


def upgrade() -> None:
    for statement in f"{create_runtime_tables()};{TABLES}".split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("The first migration is where the history begins; drop the schema instead.")
