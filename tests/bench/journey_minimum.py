"""The same journey by hand: one script that writes the same rows in batches and sends the same letters.

It keeps no promise: no position, inbox, outbox or journal; what it had in hand when it dies is lost or done
twice, and nothing orders two enquiries of one person. What is left is what the work itself costs.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import parse_qsl

import aiosmtplib
import asyncpg
import nats
import phonenumbers
import uvloop
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from tests.bench.journey_forms import STREAM

SCHEMA = "minimum"
_LIKE = {
    "contacts": "leads", "identities": "leads", "interactions": "leads", "leads": "leads",
    "deals": "deals", "stage_history": "deals", "tasks": "deals",
    "enrolments": "notifications", "messages": "notifications",
}  # fmt: skip
_BATCH = 200
_SENDER = "hello@school.example"
_LETTER = """Hello {first},

thank you for writing to us. One of us will call or write to you within the next four hours of
a working day.

You asked about: {course}. We will have the dates and prices at hand.

If anything comes to mind until then, just answer this letter.

Riverside School

--
If you would rather not hear from us: {unsubscribe}
"""


@dataclass(slots=True)
class Batch:
    """Rows for each table, and the letters that go out once they are written."""

    rows: dict[str, list[tuple[object, ...]]] = field(default_factory=lambda: {table: [] for table in _LIKE})
    letters: list[tuple[uuid.UUID, str, bytes]] = field(default_factory=list)


async def make_tables(dsn: str) -> None:
    """Tables of its own, with the columns and indexes that ours have."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
    for table, owner in _LIKE.items():
        await connection.execute(f"CREATE TABLE {SCHEMA}.{table} (LIKE {owner}.{table} INCLUDING ALL)")
    await connection.close()


class Minimum:
    """The script. `deal_with` takes what is in the stream from a sequence on."""

    def __init__(self, nc: Client, dsn: str, smtp_port: int, connections: int) -> None:
        self._nc = nc
        self._dsn = dsn
        self._port = smtp_port
        self._connections = connections
        self._letters: asyncio.Queue[tuple[uuid.UUID, str, bytes]] = asyncio.Queue(_BATCH * 2)
        self._sent: list[uuid.UUID] = []

    async def deal_with(self, count: int, first_seq: int) -> None:
        """Return when the letters of `count` deliveries are accepted and marked as sent."""
        database = await asyncpg.connect(self._dsn, server_settings={"search_path": SCHEMA})
        await database.set_type_codec(
            "jsonb", encoder=lambda value: b"\x01" + json.dumps(value).encode(),
            decoder=lambda data: json.loads(data[1:]), schema="pg_catalog", format="binary",
        )  # fmt: skip
        senders = [asyncio.create_task(self._send_letters()) for _ in range(self._connections)]
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=first_seq,
        )
        pull = await self._nc.jetstream().pull_subscribe("intake.>", stream=STREAM, config=config)
        done = 0
        while done < count:
            messages = await pull.fetch(min(_BATCH, count - done), timeout=30)
            await self._take(database, messages)
            done += len(messages)
        await self._letters.join()
        for sender in senders:
            sender.cancel()
        await self._mark(database)
        await pull.unsubscribe()
        await database.close()

    async def _take(self, database: "asyncpg.Connection[asyncpg.Record]", messages: Sequence[Msg]) -> None:
        batch = Batch()
        forms = [dict(parse_qsl(message.data.decode())) for message in messages]
        emails = [form["your-email"].strip().lower() for form in forms]
        phones = [_phone(form["tel"]) for form in forms]
        async with database.transaction():
            known = await database.fetch(
                "SELECT value, contact_id FROM identities WHERE value = ANY($1::text[])", emails + phones
            )
            whose = {row["value"]: row["contact_id"] for row in known}
            for message, form, email, phone in zip(messages, forms, emails, phones, strict=True):
                _enquiry(batch, message, form, email, phone, whose)
            for table, rows in batch.rows.items():
                if rows:
                    columns = _COLUMNS[table]
                    await database.copy_records_to_table(table, records=rows, columns=columns)
            await self._mark(database)
        for letter in batch.letters:
            await self._letters.put(letter)

    async def _mark(self, database: "asyncpg.Connection[asyncpg.Record]") -> None:
        sent, self._sent = self._sent, []
        if sent:
            await database.execute(
                "UPDATE messages SET state = 'sent', settled_at = now() WHERE id = ANY($1::uuid[])", sent
            )

    async def _send_letters(self) -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=self._port, use_tls=False, start_tls=False)
        async with client:
            while True:
                message_id, recipient, content = await self._letters.get()
                await client.sendmail(_SENDER, [recipient], content)
                self._sent.append(message_id)
                self._letters.task_done()


def _phone(given: str) -> str:
    number = phonenumbers.parse(given, "GB")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


_COLUMNS = {
    "contacts": (
        "id", "version", "first_seen_at", "changed_at", "name", "consents", "fields",
    ),
    "identities": ("value", "kind", "contact_id", "added_at", "ordinal"),
    "interactions": (
        "id", "revision", "contact_id", "lead_id", "correlation", "delivery_id", "channel", "kind",
        "medium", "conversation", "occurred_at", "received_at", "text", "sender", "fields",
        "attachments", "consents", "in_reply_to", "points",
    ),
    "leads": (
        "id", "contact_id", "interaction_id", "status", "owner", "score", "points", "channel",
        "medium", "title", "fields", "captured_at", "touched_at", "correlation",
    ),
    "deals": (
        "id", "lead_id", "contact_id", "funnel", "stage", "title", "currency", "owner", "status",
        "version", "entry", "armed", "lead", "correlation", "opened_at", "entered_at",
    ),
    "stage_history": (
        "deal_id", "entry", "to_funnel", "to_stage", "status", "at", "reason",
    ),
    "tasks": ("id", "deal_id", "title", "assignee", "due_at", "created_at"),
    "enrolments": (
        "id", "contact_id", "enrolled_contact_id", "sequence", "version", "deal_id", "state",
        "stop_on", "armed_step", "correlation", "enrolled_at",
    ),
    "messages": (
        "id", "enrolment_id", "contact_id", "step", "position", "medium", "state", "address",
        "internet_message_id", "unknown_policy", "due_at", "next_try_at", "created_at", "started_at",
    ),
}  # fmt: skip


def _enquiry(
    batch: Batch, message: Msg, form: dict[str, str], email: str, phone: str, whose: dict[str, uuid.UUID]
) -> None:
    """All that one form makes."""
    now = datetime.now(UTC)
    contact = whose.get(email) or whose.get(phone)
    rows = batch.rows
    delivery = (message.headers or {})["Nats-Msg-Id"]
    fields = {"course": form["course"]}
    name, text, title = form["your-name"], form["question"], form["question"][:80]
    interaction, lead, deal, enrolment, letter = (uuid.uuid4() for _ in range(5))
    if contact is None:
        contact = whose[email] = whose[phone] = uuid.uuid4()
        rows["contacts"].append((contact, 1, now, now, name, [], fields))
        rows["identities"].append((phone, "phone", contact, now, 0))
        rows["identities"].append((email, "email", contact, now, 1))
    sender = {"identities": [{"kind": "phone", "value": phone}, {"kind": "email", "value": email}],
              "name": name}  # fmt: skip
    points = {"left a phone number": 10, "named a course": 15}
    owner = f"sales-{1 + message.metadata.sequence.stream % 2}"
    rows["interactions"].append((
        interaction, 0, contact, lead, delivery, delivery, "main-site", "form", "form", email, now, now,
        text, sender, fields, [], [], [], points,
    ))  # fmt: skip
    rows["leads"].append((
        lead, contact, interaction, "open", owner, 25, points, "main-site", "form", title, fields, now,
        now, delivery,
    ))  # fmt: skip
    rows["enrolments"].append((
        enrolment, contact, contact, "welcome", "1", deal, "running", ["replied"], 1, delivery, now,
    ))  # fmt: skip
    _deal(rows, deal, (lead, contact, title, owner, delivery), now)
    message_id = f"{letter}@school.example"
    rows["messages"].append((
        letter, enrolment, contact, "hello", 0, "email", "sending", email, message_id, "never", now, now,
        now, now,
    ))  # fmt: skip
    batch.letters.append((letter, email, _letter(name, email, fields["course"], message_id, now)))


def _deal(
    rows: dict[str, list[tuple[object, ...]]],
    deal: uuid.UUID,
    of: tuple[uuid.UUID, uuid.UUID, str, str, str],
    now: datetime,
) -> None:
    """Its row, its first stage and the task that comes with it."""
    lead, contact, title, owner, delivery = of
    seen = {"id": str(lead), "channel": "main-site", "title": title, "score": 25, "owner": owner}
    rows["deals"].append((
        deal, lead, contact, "reach", "new", title, "GBP", owner, "open", 1, 1, 1, seen, delivery, now, now,
    ))  # fmt: skip
    rows["stage_history"].append((deal, 1, "reach", "new", "open", now, "lead captured"))
    rows["tasks"].append((uuid.uuid4(), deal, "Call back", owner, now + timedelta(hours=4), now))


def _letter(name: str, email: str, course: str, message_id: str, now: datetime) -> bytes:
    first = name.split()[0]
    unsubscribe = f"https://school.example/unsubscribe/{message_id}"
    letter = EmailMessage()
    letter["From"] = f"Riverside School <{_SENDER}>"
    letter["To"] = email
    letter["Subject"] = f"We have your enquiry, {first}"
    letter["Date"] = format_datetime(now)
    letter["Message-ID"] = f"<{message_id}>"
    letter["List-Unsubscribe"] = f"<{unsubscribe}>"
    letter["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    letter.set_content(_LETTER.format(first=first, course=course, unsubscribe=unsubscribe))
    return letter.as_bytes()


async def main(nats_url: str, dsn: str, port: int, connections: int) -> None:
    """For each line of input, how many from which sequence on: deal with them, then say so."""
    await make_tables(dsn)
    nc = await nats.connect(nats_url)
    script = Minimum(nc, dsn, port, connections)
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        count, first_seq = map(int, line.split())
        await script.deal_with(count, first_seq)
        print("done", flush=True)
    await nc.close()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
