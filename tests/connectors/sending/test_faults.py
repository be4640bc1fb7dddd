"""Nothing is sent twice and nothing is forgotten: crashes, several processes, receipts that come early."""

import asyncio
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.connectors.domain.sending import Outcome, Outgoing, Sent
from services.connectors.sending.carrier import Carriers
from services.connectors.sending.dispatch import Dispatch
from services.runtime.host import Host
from services.runtime.relay import Relay
from tests.connectors.sending.conftest import SECRETS, Sender, Start
from tests.connectors.sending.vendor import SILENCE
from tests.support.wait import until


async def whatsapp(sender: Sender, value: dict[str, Any]) -> None:
    """What Meta's webhook brings, signed."""
    value = {"metadata": {"display_phone_number": "1", "phone_number_id": "10001"}, **value}
    document = {"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}
    body = json.dumps(document).encode()
    signed = hmac.new(SECRETS["SECRET"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={signed}", "content-type": "application/json"}
    async with sender.running.client() as client:
        answer = await client.post("/in/chat", content=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def person_writes(sender: Sender, number: str, at: int | None = None) -> None:
    """A person writes, which opens the window."""
    now = int(sender.running.host.clock.now().timestamp())
    said = {"from": number, "id": f"wamid.in.{number}.{at}", "type": "text", "text": {"body": "hi"}}
    await whatsapp(sender, {"messages": [{**said, "timestamp": str(at or now)}]})
    pool = sender.running.host.database.pool
    await until(lambda: pool.fetchval("SELECT 1 FROM heard WHERE address = $1", number))


def status(known: str, what: str, at: int, ours: UUID | None = None) -> dict[str, Any]:
    """A status of a message that left."""
    told = {"id": known, "status": what, "timestamp": str(at), "recipient_id": "447700900123"}
    return {"statuses": [told | ({"biz_opaque_callback_data": str(ours)} if ours else {})]}


async def test_a_message_whose_sender_died_is_open_and_the_next_one_goes(start: Start) -> None:
    sender = await start()
    sender.vendor.script.append(SILENCE)
    dead = await sender.send("bot", "7001", "one")
    await until(lambda: len(sender.vendor.asked) == 1)
    after = await sender.send("bot", "7001", "two")
    # Another channel of the same vendor does not wait for it.
    apart = await sender.send("slow", "7001", "apart")
    assert (await sender.settled(apart))["state"] == "sent"
    # As kill -9 leaves it: under way, in nobody's hands, its lease over.
    pool = sender.running.host.database.pool
    await pool.execute("UPDATE sends SET owner = $1 WHERE state = 'sending'", uuid4())
    other = await sender.replica()
    await pool.execute("UPDATE sends SET lease_until = now() - interval '1 s' WHERE state = 'sending'")
    assert (await sender.settled(dead))["state"] == "unknown"
    assert (await sender.settled(after))["state"] == "sent"
    assert sender.vendor.texts == ["one", "apart", "two"]
    [receipt] = await sender.receipts(dead)
    assert receipt.type == "crm.receipts.unknown.v1"
    await sender.hosts.stop(other)


async def test_replicas_hold_the_vendors_pace_together_and_the_order_of_each_chat(start: Start) -> None:
    sender = await start()
    await sender.replica()
    sender.vendor.delay = 0.02
    ids = [await sender.send("bot", str(chat), f"{chat}:0") for chat in range(45)]
    slow = [await sender.send("slow", "9", "s")]
    for one in [*ids, *slow]:
        assert (await sender.settled(one))["state"] == "sent"
    # Slots are given out by the database; what arrives may be a little later than its slot.
    rows = await sender.running.host.database.pool.fetch(
        "SELECT starts_at FROM sends WHERE channel = 'bot' ORDER BY starts_at"
    )
    slots = [row["starts_at"].timestamp() for row in rows]
    assert len(slots) == len(ids)
    assert _most_in_a_second(slots) <= 30
    assert _most_in_a_second([one.at for one in sender.vendor.asked if one.text != "s"]) <= 36
    assert sorted(sender.vendor.texts) == sorted([*(f"{chat}:0" for chat in range(45)), "s"])


def _most_in_a_second(times: list[float]) -> int:
    return max(sum(begin <= at < begin + 1 for at in times) for begin in times)


async def test_the_window_opens_when_they_write_and_receipts_find_their_message(start: Start) -> None:
    sender = await start()
    sender.vendor.delay = 0.5
    await person_writes(sender, "447700900123")
    at = int(sender.running.host.clock.now().timestamp())
    sent = await sender.send("chat", "+447700900123", "hello")
    await until(lambda: len(sender.vendor.asked) == 1)
    # The vendor is faster with its receipt than with its answer.
    await whatsapp(sender, status("wamid.+447700900123.1", "delivered", at))
    await sender.settled(sent)
    await whatsapp(sender, status("wamid.+447700900123.1", "read", at))
    told = await sender.receipts(sent, 3)
    assert sorted(one.type for one in told) == [
        "crm.receipts.delivered.v1",
        "crm.receipts.read.v1",
        "crm.receipts.sent.v1",
    ]
    await until(lambda: _progress(sender, sent, "read"))
    sender.vendor.delay = 0
    sender.vendor.script.append(SILENCE)
    lost = await sender.send("chat", "447700900123", "lost")
    await until(lambda: len(sender.vendor.asked) == 2)
    # Our own id comes back with a status, so that it needs no answer.
    await whatsapp(sender, status("wamid.lost", "delivered", at, lost))
    [known] = await sender.receipts(lost)
    assert known.data["external_id"] == "wamid.lost"
    await person_writes(sender, "447700900555", at - 25 * 3600)
    closed = await sender.settled(await sender.send("chat", "447700900555", "too late"))
    assert closed["code"] == "window_closed"


async def _progress(sender: Sender, message_id: UUID, wanted: str) -> bool:
    return bool((await sender.row(message_id))["progress"] == wanted)


async def test_a_receipt_survives_a_crash_between_commit_and_publication(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_relay: Relay, stopping: asyncio.Event) -> None:
        await stopping.wait()

    with monkeypatch.context() as patched:
        patched.setattr(Relay, "run", never)
        sender = await start()
        sent = await sender.send("bot", "7001", "hello")
        await sender.settled(sent)
        await sender.hosts.stop(sender.running)
    sender.running = await sender.replica()
    [receipt] = await sender.receipts(sent)
    assert receipt.type == "crm.receipts.sent.v1"
    assert len(sender.vendor.asked) == 1


async def test_an_unreachable_vendor_is_tried_again_and_what_is_too_late_never_goes(start: Start) -> None:
    sender = await start()
    port_of_nobody = "http://127.0.0.1:9"
    definitions = sender.running.host.definitions
    assert definitions
    known = definitions.current.channels["bot"]
    settings = dict(known.settings.values)
    object.__setattr__(known.settings, "values", {**settings, "api_url": port_of_nobody})
    soon = sender.running.host.clock.now() + timedelta(seconds=1.2)
    late = await sender.send("bot", "7001", "late", not_after=soon)
    row = await sender.settled(late)
    assert (row["state"], row["code"], row["attempts"]) == ("failed", "too_late", 1)
    object.__setattr__(known.settings, "values", settings)
    fine = await sender.send("bot", "7002", "fine")
    assert (await sender.settled(fine))["state"] == "sent"
    assert sender.vendor.texts == ["fine"]


async def test_people_send_over_http_and_see_what_became_of_it(start: Start) -> None:
    sender = await start()
    wish = {"message_id": str(uuid4()), "channel": "bot", "to": "7001", "text": "hello"}
    async with sender.running.client("sales") as client:
        first = await client.post("/api/connectors/messages", json=wish)
        await sender.settled(UUID(wish["message_id"]))
        again = await client.post("/api/connectors/messages", json=wish)
        other = await client.post("/api/connectors/messages", json={**wish, "text": "other"})
        nowhere = await client.post("/api/connectors/messages", json={**wish, "channel": "none"})
        shown = (await client.get(f"/api/connectors/messages/{wish['message_id']}")).json()
        listed = (await client.get("/api/connectors/messages", params={"state": "sent"})).json()
    async with sender.running.client("viewer") as client:
        refused = await client.post("/api/connectors/messages", json=wish)
    statuses = [answer.status_code for answer in (first, again, other, nowhere, refused)]
    assert statuses == [202, 202, 409, 404, 403]
    assert (first.json()["state"], shown["state"], shown["external_id"]) == ("queued", "sent", "7001:1")
    assert listed == [shown]
    assert "hello" not in json.dumps(shown)
    journal = await sender.running.host.database.pool.fetch(
        "SELECT did FROM journal WHERE $1 = ANY(names) ORDER BY id", wish["message_id"]
    )
    assert [row["did"] for row in journal] == ["took a message for bot", "a message for bot was handed over"]
    assert len(sender.vendor.asked) == 1


async def test_a_channel_with_a_connection_waits_for_it(start: Start) -> None:
    sender = await start()
    carriers, taken = Carriers(), []
    definitions = sender.running.host.definitions
    assert definitions
    manifest = definitions.current.channels["slow"].kind.manifest

    async def carry(message: Outgoing) -> Outcome:
        taken.append(message.text)
        return Sent("0a")

    assert manifest.sending
    connected = manifest.sending.model_copy(update={"connection": True})
    object.__setattr__(manifest, "sending", connected)
    try:
        sent = await sender.send("slow", "7001", "hello")
        await until(lambda: sender.row(sent))
        assert (await sender.row(sent))["state"] == "queued"
        dispatch = Dispatch(lambda: definitions.current, carriers, uuid4(), timeout=5)
        carriers.come("slow", carry)
        running = await _alongside(dispatch, sender.running.host)
        assert (await sender.settled(sent))["external_id"] == "0a"
        running.cancel()
    finally:
        object.__setattr__(manifest, "sending", connected.model_copy(update={"connection": False}))
    assert taken == ["hello"]
    assert sender.vendor.asked == []


async def _alongside(dispatch: Dispatch, host: Host) -> Any:
    return asyncio.create_task(dispatch.run(host))
