"""The state of a whole hub, read from its tables, as the ledger looks at it."""

import json
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.chaos.settle import SCHEMAS

Row = dict[str, Any]

QUERIES = {
    "deliveries": "SELECT id, channel, stream, times, verdict FROM connectors.deliveries",
    "received": "SELECT interaction_id AS id, delivery_id FROM connectors.interactions",
    "interactions": "SELECT id, contact_id, lead_id, channel, external_id, text, points,"
    " jsonb_path_exists(sender, '$.identities[*] ? (@.kind == \"email\")') AS has_address"
    " FROM leads.interactions",
    "contacts": "SELECT id, name, language, consents, fields, merged_into FROM leads.contacts",
    "identities": "SELECT kind, value, contact_id FROM leads.identities",
    "leads": "SELECT id, contact_id, interaction_id, status, owner, score, points, channel, medium, title,"
    " fields, merged_into FROM leads.leads",
    "team": "SELECT member, open_leads FROM leads.team_members",
    "touches": "SELECT message_id, outcome FROM leads.touches",
    "deals": "SELECT id, lead_id, contact_id, funnel, stage, status, title, entry, merged_into"
    " FROM deals.deals",
    "history": "SELECT deal_id, entry, from_stage, to_stage, status, reason FROM deals.stage_history",
    "tasks": "SELECT id, deal_id, title, status FROM deals.tasks",
    "deal_timers": "SELECT payload ->> 'deal' AS deal_id, rule FROM deals.timers",
    "enrolments": "SELECT id, contact_id, sequence, deal_id, state, armed_step FROM notifications.enrolments",
    "steps": "SELECT key AS enrolment_id FROM notifications.timers",
    "messages": "SELECT id, enrolment_id, step, state, reason, internet_message_id AS message_id"
    " FROM notifications.messages",
    "opposite": "SELECT id, email FROM notifications.contacts WHERE merged_into IS NULL",
}


@dataclass
class State:
    """Rows of every table that matters; see QUERIES for their columns."""

    deliveries: list[Row] = field(default_factory=list)
    received: list[Row] = field(default_factory=list)
    interactions: list[Row] = field(default_factory=list)
    contacts: list[Row] = field(default_factory=list)
    identities: list[Row] = field(default_factory=list)
    leads: list[Row] = field(default_factory=list)
    team: list[Row] = field(default_factory=list)
    touches: list[Row] = field(default_factory=list)
    deals: list[Row] = field(default_factory=list)
    history: list[Row] = field(default_factory=list)
    tasks: list[Row] = field(default_factory=list)
    deal_timers: list[Row] = field(default_factory=list)
    enrolments: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    opposite: list[Row] = field(default_factory=list)
    parked: list[Row] = field(default_factory=list)


async def read_state(dsn: str) -> State:
    """All of it; nobody must be at work."""
    connection = await asyncpg.connect(dsn)
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    try:
        state = State()
        for name, query in QUERIES.items():
            setattr(state, name, [_plain(row) for row in await connection.fetch(query)])
        for schema in SCHEMAS:
            query = f"SELECT '{schema}' AS service, type, recovery, reason, event_id FROM {schema}.parked"
            state.parked += [_plain(row) for row in await connection.fetch(query)]
        return state
    finally:
        await connection.close()


def _plain(row: asyncpg.Record) -> Row:
    """Ids as text, so that they compare however they are written."""
    return {name: str(value) if _is_id(name) and value else value for name, value in row.items()}


def _is_id(name: str) -> bool:
    return name in ("id", "merged_into") or name.endswith("_id")
