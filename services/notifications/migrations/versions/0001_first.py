"""Contacts as known here, suppressions, enrolments and messages."""

from alembic import op

from services.runtime.schema import create_runtime_tables

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE contacts (
    id uuid PRIMARY KEY,
    version integer NOT NULL,
    name text,
    language text,
    zone text,
    email text,
    identities jsonb NOT NULL DEFAULT '[]',
    consents text[] NOT NULL DEFAULT '{}',
    fields jsonb NOT NULL DEFAULT '{}',
    absorbed_by uuid,
    merged_into uuid,
    changed_at timestamptz NOT NULL
);
CREATE INDEX contacts_email ON contacts (lower(email)) WHERE email IS NOT NULL;
CREATE INDEX contacts_merged_into ON contacts (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX contacts_absorbed_by ON contacts (absorbed_by) WHERE absorbed_by IS NOT NULL;

CREATE TABLE suppressions (
    id uuid PRIMARY KEY,
    medium text NOT NULL,
    address text NOT NULL,
    contact_id uuid,
    source text NOT NULL,
    added_by text,
    added_at timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (medium, address, contact_id)
);
CREATE INDEX suppressions_contact ON suppressions (contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX suppressions_added_at ON suppressions (added_at, id);

CREATE TABLE enrolments (
    id uuid PRIMARY KEY,
    contact_id uuid NOT NULL,
    enrolled_contact_id uuid NOT NULL,
    sequence text NOT NULL,
    version text NOT NULL,
    deal_id uuid,
    state text NOT NULL,
    stop_on text[] NOT NULL,
    armed_step integer,
    correlation text NOT NULL,
    traceparent text,
    enrolled_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX enrolments_contact ON enrolments (contact_id, sequence);
CREATE INDEX enrolments_enrolled_contact ON enrolments (enrolled_contact_id);
CREATE INDEX enrolments_deal ON enrolments (deal_id) WHERE deal_id IS NOT NULL;
CREATE INDEX enrolments_enrolled_at ON enrolments (enrolled_at, id);

CREATE TABLE messages (
    id uuid PRIMARY KEY,
    enrolment_id uuid NOT NULL REFERENCES enrolments (id),
    contact_id uuid NOT NULL,
    step text NOT NULL,
    position integer NOT NULL,
    medium text NOT NULL,
    purpose text,
    state text NOT NULL CHECK
        (state IN ('queued', 'sending', 'sent', 'not_sent', 'unknown', 'cancelled')),
    reason text,
    detail text NOT NULL DEFAULT '',
    ends text,
    address text,
    internet_message_id text NOT NULL,
    unknown_policy text NOT NULL,
    repeats integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz NOT NULL,
    late_at timestamptz,
    next_try_at timestamptz NOT NULL,
    lease_owner uuid,
    lease_until timestamptz,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    settled_at timestamptz,
    UNIQUE (enrolment_id, position)
);
CREATE INDEX messages_queued ON messages (next_try_at) WHERE state = 'queued';
CREATE INDEX messages_late ON messages (late_at) WHERE state = 'queued' AND late_at IS NOT NULL;
CREATE INDEX messages_sending ON messages (lease_until) WHERE state = 'sending';
CREATE INDEX messages_contact ON messages (contact_id, created_at);
CREATE INDEX messages_created_at ON messages (created_at, id);
CREATE UNIQUE INDEX messages_internet_message_id ON messages (internet_message_id);
"""


def upgrade() -> None:
    for statement in f"{create_runtime_tables()};{TABLES}".split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("The first migration is where the history begins; drop the schema instead.")
