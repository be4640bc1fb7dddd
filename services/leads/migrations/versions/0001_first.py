"""Contacts and their identities, interactions, leads, merges, the team's queue, outgoing touches."""

from alembic import op

from services.runtime.schema import create_runtime_tables

revision = "0001"
down_revision = None

# There are no foreign keys on the way of an interaction: contacts and leads are never deleted under
# it, their rows are locked while it is logged, and each key would cost a look-up and a row lock.
TABLES = """
CREATE TABLE contacts (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    first_seen_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    name text,
    language text,
    zone text,
    consents text[] NOT NULL,
    fields jsonb NOT NULL,
    merged_into uuid
);
CREATE INDEX contacts_merged_into ON contacts (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE identities (
    value text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    contact_id uuid NOT NULL,
    added_at timestamptz NOT NULL,
    ordinal smallint NOT NULL,
    PRIMARY KEY (value, kind)
);
CREATE INDEX identities_contact ON identities (contact_id);
CREATE TABLE interactions (
    id uuid PRIMARY KEY,
    n bigint GENERATED ALWAYS AS IDENTITY,
    revision integer NOT NULL,
    contact_id uuid NOT NULL,
    lead_id uuid,
    correlation text NOT NULL,
    delivery_id text NOT NULL,
    channel text NOT NULL,
    kind text NOT NULL,
    medium text NOT NULL,
    external_id text,
    conversation text NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    title text,
    text text NOT NULL,
    sender jsonb NOT NULL,
    fields jsonb NOT NULL,
    attachments jsonb NOT NULL,
    consents jsonb NOT NULL,
    message_id text,
    in_reply_to text[] NOT NULL,
    points jsonb NOT NULL
);
CREATE INDEX interactions_contact ON interactions (contact_id, occurred_at, id);
CREATE INDEX interactions_lead ON interactions (lead_id);
CREATE TABLE leads (
    id uuid PRIMARY KEY,
    contact_id uuid NOT NULL,
    interaction_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('open', 'qualified', 'closed', 'merged')),
    owner text,
    score integer NOT NULL,
    points jsonb NOT NULL,
    channel text NOT NULL,
    medium text NOT NULL,
    title text NOT NULL,
    fields jsonb NOT NULL,
    captured_at timestamptz NOT NULL,
    touched_at timestamptz NOT NULL,
    correlation text NOT NULL,
    merged_into uuid,
    settled_at timestamptz,
    reason text
);
CREATE UNIQUE INDEX leads_one_open ON leads (contact_id) WHERE status = 'open';
CREATE INDEX leads_contact ON leads (contact_id);
CREATE INDEX leads_newest ON leads (captured_at, id);
CREATE INDEX leads_by_status ON leads (status, captured_at, id);
CREATE INDEX leads_by_owner ON leads (owner, captured_at, id);
CREATE INDEX leads_merged_into ON leads (merged_into) WHERE merged_into IS NOT NULL;
CREATE TABLE merges (
    id uuid PRIMARY KEY,
    n bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    survivor_id uuid NOT NULL REFERENCES contacts,
    absorbed_id uuid NOT NULL REFERENCES contacts,
    reason text NOT NULL,
    merged_by text NOT NULL,
    merged_at timestamptz NOT NULL,
    record jsonb NOT NULL,
    undone_by text,
    undone_at timestamptz
);
CREATE INDEX merges_survivor ON merges (survivor_id, n);
CREATE INDEX merges_absorbed ON merges (absorbed_id, n);
CREATE TABLE team_members (
    member text PRIMARY KEY,
    turn bigint NOT NULL,
    open_leads integer NOT NULL
);
CREATE TABLE touches (
    message_id uuid PRIMARY KEY,
    contact_id uuid NOT NULL,
    medium text NOT NULL,
    outcome text NOT NULL,
    step text NOT NULL,
    enrolment_id uuid,
    internet_message_id text,
    at timestamptz NOT NULL
);
CREATE INDEX touches_contact ON touches (contact_id, at, message_id)
"""


def upgrade() -> None:
    for statement in f"{create_runtime_tables()};{TABLES}".split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("The first migration is where the history begins; drop the schema instead.")
