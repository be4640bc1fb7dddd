"""Files that came with touches and calls: wanted, kept, given up, erased."""

from alembic import op

revision = "0004"
down_revision = "0003"

# `owner_id` is the interaction or the call. A file without a reference is in the delivery at (stream, seq):
# the attachment `place` of its touch number `touch`. `stored`: there may be an object of the file's id.
TABLES = """
CREATE TABLE files (
    file_id uuid PRIMARY KEY,
    owner text NOT NULL CHECK (owner IN ('interaction', 'call')),
    owner_id uuid NOT NULL,
    delivery_id text COLLATE "C" NOT NULL,
    stream text NOT NULL,
    seq bigint NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    touch smallint NOT NULL,
    place smallint NOT NULL,
    reference text,
    name text NOT NULL,
    claimed_type text,
    claimed_size bigint NOT NULL,
    state text NOT NULL DEFAULT 'wanted' CHECK (state IN ('wanted', 'kept', 'given_up', 'erased')),
    wanted_at timestamptz NOT NULL,
    since timestamptz NOT NULL,
    due_at timestamptz NOT NULL,
    lease uuid,
    attempts integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    missing_since timestamptz,
    settled_at timestamptz,
    why text,
    detail text NOT NULL DEFAULT '',
    sha256 text,
    size bigint,
    content_type text,
    stored boolean NOT NULL DEFAULT false
);
CREATE INDEX files_owner ON files (owner_id);
CREATE INDEX files_due ON files (due_at) WHERE state = 'wanted';
CREATE INDEX files_state ON files (state, wanted_at DESC, file_id);
CREATE INDEX files_kept ON files (settled_at) WHERE state = 'kept';
CREATE INDEX files_leftover ON files (file_id) WHERE state = 'erased' AND stored
"""


def upgrade() -> None:
    for statement in TABLES.split(";"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE files")
