"""The tables every service has in its own schema, made by the first migration of each."""

RUNTIME_TABLES = """
CREATE TABLE positions (
    stream text NOT NULL,
    grp text NOT NULL,
    seq bigint NOT NULL,
    stream_created text NOT NULL,
    last_event_id text,
    moved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, grp)
);
CREATE TABLE attempts (
    stream text NOT NULL,
    grp text NOT NULL,
    seq bigint NOT NULL,
    count integer NOT NULL,
    PRIMARY KEY (stream, grp, seq)
);
CREATE TABLE erasures (
    stream text NOT NULL,
    seq bigint NOT NULL,
    reason text NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, seq)
);
CREATE TABLE inbox (
    grp text NOT NULL,
    event_id text NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (grp, event_id)
);
CREATE INDEX inbox_seen_at ON inbox (seen_at);
CREATE TABLE parked (
    id bigserial PRIMARY KEY,
    stream text NOT NULL,
    grp text NOT NULL,
    key text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    seq bigint NOT NULL,
    subject text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    correlation text NOT NULL,
    recovery text NOT NULL CHECK (recovery IN ('retry', 'person', 'behind')),
    reason text NOT NULL,
    attempts integer NOT NULL,
    next_try timestamptz,
    parked_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (grp, event_id)
);
CREATE INDEX parked_key ON parked (stream, grp, key, id);
CREATE INDEX parked_next_try ON parked (next_try) WHERE next_try IS NOT NULL;
CREATE INDEX parked_correlation ON parked (correlation);
CREATE TABLE outbox (
    id bigserial PRIMARY KEY,
    event_id text NOT NULL,
    stream text NOT NULL,
    subject text NOT NULL,
    key text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published_at ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE TABLE timers (
    kind text NOT NULL,
    key text NOT NULL,
    due_at timestamptz NOT NULL,
    zone text NOT NULL,
    rule text NOT NULL,
    late_after interval,
    generation integer NOT NULL,
    payload jsonb NOT NULL,
    cause text NOT NULL,
    correlation text NOT NULL,
    traceparent text,
    PRIMARY KEY (kind, key)
);
CREATE INDEX timers_due ON timers (due_at);
CREATE INDEX timers_correlation ON timers (correlation);
CREATE TABLE journal (
    id bigserial PRIMARY KEY,
    at timestamptz NOT NULL,
    correlation text NOT NULL,
    event_id text NOT NULL,
    did text NOT NULL,
    names text[] NOT NULL
);
CREATE INDEX journal_correlation ON journal (correlation);
CREATE INDEX journal_names ON journal USING gin (names);
CREATE INDEX journal_at ON journal USING brin (at);
"""


def create_runtime_tables() -> str:
    """The SQL of the runtime's tables; run it with the service's schema first in the search path."""
    return RUNTIME_TABLES
