"""What a form costs when few contacts are stored, and what it costs when many are.

`python -m tests.bench.journey_growth` prints both and their ratio.
"""

import argparse
import asyncio

import asyncpg

from tests.bench.journey_run import WARM_UP, Throughput, full_speed, told
from tests.bench.journey_stage import Stage, apart_stage
from tests.support.faults import private_engines
from tests.support.scratch import scratch_home

FEW, MANY = 2_000, 200_000
MOST = 1.25
# What services leave behind for each contact, made from numbers. Ids are hashes of a word and the number.
_SEED = (
    """
    INSERT INTO leads.contacts (id, version, first_seen_at, changed_at, name, consents, fields)
    SELECT md5('contact' || n)::uuid, 1, now(), now(), 'Stored ' || n, '{}', '{"course": "English B1"}'
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO leads.identities (value, kind, contact_id, added_at, ordinal)
    SELECT value, kind, md5('contact' || n)::uuid, now(), ordinal
    FROM generate_series($1::int, $2::int) AS n, LATERAL (VALUES
        ('stored' || n || '@people.example', 'email', 1), ('+4475' || lpad(n::text, 8, '0'), 'phone', 0)
    ) AS known (value, kind, ordinal)
    """,
    """
    INSERT INTO leads.interactions (id, revision, contact_id, lead_id, correlation, delivery_id, channel,
        kind, medium, conversation, occurred_at, received_at, text, sender, fields, attachments, consents,
        in_reply_to, points)
    SELECT md5('interaction' || n)::uuid, 0, md5('contact' || n)::uuid, md5('lead' || n)::uuid,
        md5('delivery' || n), md5('delivery' || n), 'main-site', 'form', 'form', 'stored' || n, now(), now(),
        'When is the next group?', '{}', '{"course": "English B1"}', '[]', '[]', '{}', '{}'
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO leads.leads (id, contact_id, interaction_id, status, owner, score, points, channel, medium,
        title, fields, captured_at, touched_at, correlation)
    SELECT md5('lead' || n)::uuid, md5('contact' || n)::uuid, md5('interaction' || n)::uuid, 'open',
        'sales-1', 25, '{}', 'main-site', 'form', 'When is the next group?', '{}', now(), now(),
        md5('delivery' || n)
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO leads.touches (message_id, contact_id, medium, outcome, step, at)
    SELECT md5('message' || n)::uuid, md5('contact' || n)::uuid, 'email', 'sent', 'hello', now()
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO deals.contacts (id, version, consents, fields)
    SELECT md5('contact' || n)::uuid, 1, '{}', '{"course": "English B1"}'
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO deals.deals (id, lead_id, contact_id, funnel, stage, title, currency, owner, status, version,
        entry, armed, lead, correlation, opened_at, entered_at)
    SELECT md5('deal' || n)::uuid, md5('lead' || n)::uuid, md5('contact' || n)::uuid, 'reach', 'new',
        'When is the next group?', 'GBP', 'sales-1', 'open', 1, 1, 1, '{}', md5('delivery' || n), now(), now()
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO deals.stage_history (deal_id, entry, to_funnel, to_stage, status, at, reason)
    SELECT md5('deal' || n)::uuid, 1, 'reach', 'new', 'open', now(), 'lead captured'
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO deals.tasks (id, deal_id, title, assignee, due_at, created_at)
    SELECT md5('task' || n)::uuid, md5('deal' || n)::uuid, 'Call back', 'sales-1', now(), now()
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO notifications.contacts (id, version, name, email, identities, fields, changed_at)
    SELECT md5('contact' || n)::uuid, 1, 'Stored ' || n, 'stored' || n || '@people.example', '[]', '{}', now()
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO notifications.enrolments (id, contact_id, enrolled_contact_id, sequence, version, deal_id,
        state, stop_on, armed_step, correlation, enrolled_at)
    SELECT md5('enrolment' || n)::uuid, md5('contact' || n)::uuid, md5('contact' || n)::uuid, 'welcome', '1',
        md5('deal' || n)::uuid, 'running', '{replied}', 1, md5('delivery' || n), now()
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO notifications.messages (id, enrolment_id, contact_id, step, position, medium, state,
        internet_message_id, unknown_policy, due_at, next_try_at, created_at, settled_at)
    SELECT md5('message' || n)::uuid, md5('enrolment' || n)::uuid, md5('contact' || n)::uuid, 'hello', 0,
        'email', 'sent', 'stored' || n || '@school.example', 'never', now(), now(), now(), now()
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO notifications.timers (kind, key, due_at, zone, rule, generation, payload, cause, correlation)
    SELECT 'step', md5('enrolment' || n)::uuid::text, now() + interval '1 day', 'Europe/London', '', 1, '{}',
        'stored' || n, md5('delivery' || n)
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO connectors.deliveries (id, channel, kind, stream, first_seq, last_seq, first_received_at,
        last_received_at, times, size, event, verdict, reason)
    SELECT md5('delivery' || n), 'main-site', 'form', 'INTAKE', n, n, now(), now(), 1, 200, 'submission',
        'accepted', ''
    FROM generate_series($1::int, $2::int) AS n
    """,
    """
    INSERT INTO connectors.interactions (interaction_id, delivery_id, place, channel, kind, content,
        received_at, revision, digest)
    SELECT md5('interaction' || n)::uuid, md5('delivery' || n), 0, 'main-site', 'form',
        md5('content' || n), now(), 1, ''
    FROM generate_series($1::int, $2::int) AS n
    """,
)


async def store(dsn: str, first: int, last: int) -> None:
    """Contacts `first` to `last`, with all that belongs to them, as if each had written once."""
    connection = await asyncpg.connect(dsn)
    for statement in _SEED:
        await connection.execute(statement, first, last)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()


async def _cost(stage: Stage, count: int) -> Throughput:
    await full_speed(stage, WARM_UP)
    found = await full_speed(stage, count)
    await stage.quiet()
    return found


async def measure(few: int, many: int, count: int) -> float:
    """The ratio of CPU per delivery; prints both sides."""
    with scratch_home() as folder:
        async with private_engines() as engines, apart_stage(engines, folder) as stage:
            await store(stage.dsn, 1, few)
            small = await _cost(stage, count)
            print(told(f"{few:,} stored contacts", small), flush=True)
            await store(stage.dsn, few + 1, many)
            large = await _cost(stage, count)
            print(told(f"{many:,} stored contacts", large), flush=True)
    ratio = _cpu(large) / _cpu(small)
    print(f"{'met' if ratio <= MOST else 'MISSED'}: {ratio:.2f} times the CPU, wanted at most {MOST:.2f}")
    return ratio


def _cpu(through: Throughput) -> float:
    return sum(through.cost.cpu_ms_each(through.deliveries).values())


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--few", type=int, default=FEW)
    options.add_argument("--many", type=int, default=MANY)
    options.add_argument("--count", type=int, default=3000)
    chosen = options.parse_args()
    asyncio.run(measure(chosen.few, chosen.many, chosen.count))
