"""Deals, their stage history and tasks, and what is known of contacts and leads."""

from alembic import op

from services.runtime.schema import create_runtime_tables

revision = "0001"
down_revision = None

# There are no foreign keys: history and tasks are only written with their deal's row locked or new,
# deals are never deleted under them, and each key would cost a look-up and a row lock.
DEALS = """
CREATE TABLE deals (
    id uuid PRIMARY KEY,
    lead_id uuid NOT NULL UNIQUE,
    contact_id uuid NOT NULL,
    funnel text NOT NULL,
    stage text NOT NULL,
    title text NOT NULL,
    amount numeric(18, 2),
    currency text,
    owner text,
    status text NOT NULL CHECK (status IN ('open', 'won', 'lost', 'merged')),
    version integer NOT NULL CHECK (version > 0),
    entry integer NOT NULL CHECK (entry > 0),
    armed smallint NOT NULL CHECK (armed >= 0),
    lead jsonb NOT NULL,
    correlation text NOT NULL,
    opened_at timestamptz NOT NULL,
    entered_at timestamptz NOT NULL,
    closed_at timestamptz,
    merged_into uuid,
    CHECK ((status = 'open') = (closed_at IS NULL)),
    CHECK ((status = 'merged') = (merged_into IS NOT NULL))
);
CREATE INDEX deals_contact ON deals (contact_id);
CREATE INDEX deals_newest ON deals (opened_at DESC, id DESC);
CREATE INDEX deals_stage ON deals (funnel, stage, opened_at DESC, id DESC);
CREATE INDEX deals_owner ON deals (owner, opened_at DESC, id DESC) WHERE owner IS NOT NULL;

CREATE TABLE stage_history (
    deal_id uuid NOT NULL,
    entry integer NOT NULL,
    from_funnel text,
    from_stage text,
    to_funnel text NOT NULL,
    to_stage text NOT NULL,
    status text NOT NULL,
    at timestamptz NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (deal_id, entry)
);

CREATE TABLE tasks (
    id uuid PRIMARY KEY,
    deal_id uuid NOT NULL,
    title text NOT NULL,
    assignee text,
    due_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'done', 'dropped')),
    created_at timestamptz NOT NULL,
    closed_at timestamptz,
    closed_by text,
    CHECK ((status = 'open') = (closed_at IS NULL))
);
CREATE INDEX tasks_deal ON tasks (deal_id);
CREATE INDEX tasks_due ON tasks (due_at, id);
CREATE INDEX tasks_open ON tasks (assignee, due_at, id) WHERE status = 'open';

-- What rules may depend on. Names and addresses stay with leads.
CREATE TABLE contacts (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    language text,
    zone text,
    consents text[] NOT NULL,
    fields jsonb NOT NULL
);

-- Absorbed contacts and ended leads: later facts about them mean the one that went on.
CREATE TABLE contact_aliases (
    absorbed_id uuid PRIMARY KEY,
    contact_id uuid NOT NULL CHECK (contact_id <> absorbed_id)
);
CREATE INDEX contact_aliases_contact ON contact_aliases (contact_id);
CREATE TABLE lead_aliases (
    ended_id uuid PRIMARY KEY,
    lead_id uuid NOT NULL CHECK (lead_id <> ended_id)
);
"""


def upgrade() -> None:
    # asyncpg prepares what it is given, which must then be a single statement.
    for statement in f"{create_runtime_tables()};{DEALS}".split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("The first migration is not taken back; drop the schema instead.")
