"""What is decided in the database alone: who takes which, what is tried again, whose receipt it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.receipts import ReceiptDelivered
from contracts.sending import SendMessage
from services.connectors.definitions.channel import Rules
from services.connectors.domain import Delivery
from services.connectors.domain.addresses import same_number
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import InDoubt, Later, Outcome, Refused, Secrets, Sent
from services.connectors.outside.web import NoAnswer, Web
from services.connectors.sending.attempt import Means, attempt
from services.connectors.sending.carrier import Carriers
from services.connectors.sending.logins import TOKEN, Logins
from services.connectors.store import early, queue, sends
from services.connectors.store.early import Early
from services.connectors.usecases.claim_messages import Claimed, claim_messages
from services.connectors.usecases.outcome import Outcome as Read
from services.connectors.usecases.settle_messages import Done, settle_messages
from services.connectors.usecases.take_messages import OtherMessage, take_message
from services.connectors.usecases.tie_receipts import receipts_in
from services.runtime.cause import new_cause
from services.runtime.work import Work
from tests.connectors.fixtures import AT
from tests.connectors.stage import Stage, rules

LEASE = timedelta(seconds=65)
SECRET = {"secret": "${BOT}"}
VK = {**SECRET, "token": "${BOT}", "group_id": "1", "confirmation": "c"}
AVITO = {**SECRET, "client_id": "c", "client_secret": "${BOT}", "user_id": "1"}
CHANNELS: dict[str, Any] = {
    "bot": {"kind": "telegram", "settings": {**SECRET, "token": "${BOT}"}},
    "vk": {"kind": "vk", "settings": VK},
    "avito": {"kind": "avito", "settings": AVITO},
}


class Room:
    """The use cases of sending at a time of one's own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rules: Rules = rules(CHANNELS)

    @asynccontextmanager
    async def work(self, seconds: float) -> AsyncIterator[Work]:
        async with self.stage.database.pool.acquire() as connection, connection.transaction():
            now = AT + timedelta(seconds=seconds)
            work = Work(connection, group="connectors", now=now, cause=new_cause())
            yield work
            await work.flush()

    async def take(self, channel: str, to: str, text: str = "hi", known: UUID | None = None) -> UUID:
        wish = SendMessage(message_id=known or uuid4(), channel=channel, to=to, text=text)
        async with self.work(0) as work:
            await take_message(work, wish, self.rules.channels.get(channel), timedelta(hours=24))
        return wish.message_id

    async def claim(self, channel: str, seconds: float = 0, most: int = 100) -> list[Claimed]:
        known = self.rules.channels.get(channel)
        async with self.work(seconds) as work:
            return await claim_messages(work, channel, known, uuid4(), most, LEASE)

    async def settle(self, claimed: Claimed, outcome: Outcome, seconds: float = 0) -> sends.Row:
        done = Done(claimed.message_id, claimed.owner, claimed.attempt, outcome)
        async with self.work(seconds) as work:
            await settle_messages(work, [done], self.rules)
            row = await sends.read(work.connection, claimed.message_id)
        assert row
        return row

    async def told(self) -> list[str]:
        return [one.type for one in await self.stage.published()]


@pytest.fixture
def room(stage: Stage) -> Room:
    return Room(stage)


async def test_claims_at_the_same_time_share_the_pace_and_keep_the_order(room: Room) -> None:
    ids = [await room.take("bot", str(chat), text) for text in ("first", "second") for chat in range(12)]
    found = await asyncio.gather(*(room.claim("bot", most=6) for _ in range(4)))
    claimed = [one for some in found for one in some]
    assert len({one.message_id for one in claimed}) == len(claimed)
    assert all(one.message.text == "first" for one in claimed)
    slots = [row["starts_at"] for row in await _slots(room)]
    between = [(later - sooner).total_seconds() for sooner, later in pairwise(slots)]
    assert all(pause >= 1 / 30 for pause in between)
    assert set(ids[:12]) >= {one.message_id for one in claimed}


async def _slots(room: Room) -> list[Any]:
    return list(
        await room.stage.database.pool.fetch(
            "SELECT starts_at FROM sends WHERE starts_at IS NOT NULL ORDER BY 1"
        )
    )


async def test_doubt_is_repeated_only_where_the_vendor_knows_its_id_again(room: Room) -> None:
    await room.take("vk", "7")
    [first] = await room.claim("vk")
    assert (await room.settle(first, InDoubt("no answer"))).state == "queued"
    [second] = await room.claim("vk", seconds=10)
    assert second.message == first.message
    assert (await room.settle(second, InDoubt("no answer"), seconds=10)).state == "queued"
    # An hour later VK would take it for a new one.
    assert await room.claim("vk", seconds=3700) == []
    assert await room.told() == ["crm.receipts.unknown.v1"]
    await room.take("bot", "7")
    [once] = await room.claim("bot")
    assert (await room.settle(once, InDoubt("no answer"))).state == "unknown"


async def test_a_late_answer_still_counts_if_it_is_certain(room: Room) -> None:
    await room.take("bot", "7")
    [claimed] = await room.claim("bot")
    assert (await room.settle(claimed, InDoubt("no answer"))).state == "unknown"
    assert (await room.settle(claimed, Later(1, "busy"))).state == "unknown"
    assert (await room.settle(claimed, Sent("7:1"))).state == "sent"
    assert (await room.settle(claimed, Refused("403", "blocked"))).state == "sent"
    assert (await room.settle(claimed, Sent("7:1"))).state == "sent"
    assert await room.told() == ["crm.receipts.unknown.v1", "crm.receipts.sent.v1"]


async def test_a_pause_is_of_one_address_or_of_the_whole_channel(room: Room) -> None:
    for chat in ("1", "2", "3"):
        await room.take("bot", chat)
    one, two, three = await room.claim("bot")
    row = await room.settle(one, Later(30, "too many to this one"))
    assert row.next_try_at == AT + timedelta(seconds=30)
    await room.settle(two, Later(60, "too many", whole=True))
    await room.settle(three, Sent("3:1"))
    await room.take("bot", "4")
    assert await room.claim("bot", seconds=31) == []
    pool = room.stage.database.pool
    await pool.execute("UPDATE paces SET free_at = '-infinity'")
    await pool.execute("UPDATE sends SET starts_at = starts_at - interval '2 s'")
    assert [each.message.to for each in await room.claim("bot", seconds=31)] == ["1", "4"]


async def test_an_id_is_of_one_message_for_ever(room: Room) -> None:
    known = await room.take("bot", "7")
    assert await room.take("bot", "7", known=known) == known
    with pytest.raises(OtherMessage):
        await room.take("bot", "8", known=known)
    assert len(await room.claim("bot")) == 1


async def test_a_receipt_names_its_message_in_another_spelling_of_its_number(room: Room) -> None:
    sent = await room.take("bot", "7")
    pool = room.stage.database.pool
    await pool.execute("UPDATE sends SET kind = 'smpp', state = 'sent', external_id = '1A2B', body = ''")
    receipt = ReceiptDelivered(
        receipt_id=uuid4(), delivery_id="d", channel="bot", kind="smpp", external_id="0000006699",
        occurred_at=AT, received_at=AT,
    )  # fmt: skip
    read = Read(Delivery("bot", "smpp", b"", AT), "accepted", told=(receipt,))
    async with room.work(0) as work:
        tied = await receipts_in(work.connection, [read], {receipt.receipt_id})
        [told] = tied.of(receipt)
        row = await sends.read(work.connection, sent)
    assert told.message_id == sent  # type: ignore[union-attr]
    assert row
    assert row.progress == "delivered"
    assert "6699" in same_number("1a2b")
    assert same_number("wamid.x") == ("wamid.x",)


def told_of(message_id: UUID, external_id: str) -> ReceiptDelivered:
    return ReceiptDelivered(
        receipt_id=uuid4(), message_id=message_id, delivery_id="d", channel="bot", kind="telegram",
        external_id=external_id, occurred_at=AT, received_at=AT,
    )  # fmt: skip


async def test_receipts_that_give_our_ids_back_name_the_vendors(room: Room) -> None:
    one, other = [await room.take("bot", to) for to in ("7", "8")]
    for claimed in await room.claim("bot"):
        await room.settle(claimed, InDoubt("no answer"))
    receipts = (told_of(one, "a"), told_of(one, "b"), told_of(other, "c"))
    read = Read(Delivery("bot", "telegram", b"", AT), "accepted", told=receipts)
    async with room.work(0) as work:
        await receipts_in(work.connection, [read], {receipt.receipt_id for receipt in receipts})
        known = await sends.several(work.connection, [one, other])
    assert {(row.external_id, row.state) for row in known.values()} == {("a", "sent"), ("c", "sent")}


class Vendor(Web):
    """Answers in turn, without a socket."""

    def __init__(self, *answers: Answer | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[Request] = []

    async def ask(self, request: Request, *, timeout: float, most: int = 0) -> Answer:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_access_tokens_are_fetched_once_and_without_one_nothing_leaves() -> None:
    channel = rules(CHANNELS).channels["avito"]
    login = channel.kind.manifest.sending and channel.kind.manifest.sending.login
    assert login
    logins, given = Logins(), Answer(200, {}, b'{"access_token":"t1","expires_in":86400}')
    away = Vendor(NoAnswer("ReadTimeout"), Answer(503), Answer(401, {}, b'{"error":"invalid_client"}'), given)
    outcomes = [await logins.secrets(channel, login, away, 1) for _ in range(5)]
    assert [type(one) for one in outcomes] == [Later, Later, Refused, Secrets, Secrets]
    assert isinstance(outcomes[-1], Secrets)
    assert outcomes[-1].text(TOKEN) == "t1"
    assert away.asked[0].url == "https://api.avito.ru/token"
    logins.forget(channel)
    again = Vendor(given)
    await asyncio.gather(*(logins.secrets(channel, login, again, 1) for _ in range(3)))
    assert len(again.asked) == 1


class Mute(Web):
    """Never says a word."""

    async def ask(self, request: Request, *, timeout: float, most: int = 0) -> Answer:
        return await asyncio.Event().wait() and Answer(200)


async def test_a_message_whose_access_token_did_not_come_has_not_left(room: Room) -> None:
    await room.take("avito", "7")
    [claimed] = await room.claim("avito")
    means = Means(Mute(), Carriers(), Logins(), timeout=0.05)
    outcome = await attempt(claimed, means)
    assert isinstance(outcome, Later)
    assert (await room.settle(claimed, outcome)).state == "queued"


async def test_a_receipt_that_waits_comes_back_whole_and_its_id_stands_once(room: Room) -> None:
    fact = {"external_id": "7001:1"}
    one = Early(uuid4(), "bot", "crm.receipts.read.v1", fact, "cause", "enquiry", None, AT)
    async with room.work(0) as work:
        await early.keep(work.connection, [one, one])
        assert await early.oldest(work.connection, 9) == [one]
        kept = await work.connection.fetchval("SELECT external_id FROM early_receipts")
    assert kept is None


async def test_only_channels_with_something_queued_are_asked(room: Room) -> None:
    await room.take("bot", "7")
    await room.take("vk", "7")
    await room.take("deaf", "7")
    async with room.work(0) as work:
        assert await queue.waiting(work.connection) == ["bot", "vk"]
    assert await room.told() == ["crm.receipts.failed.v1"]


async def test_the_plan_made_for_a_short_queue_reads_no_long_one_whole(room: Room) -> None:
    async with room.stage.database.pool.acquire() as connection:
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE due AS {queue.DUE}")
        rows = await connection.fetch("EXPLAIN EXECUTE due ('bot', now(), now(), 9)")
        await connection.execute("DEALLOCATE due")
        await connection.execute("RESET plan_cache_mode")
    plan = "\n".join(row[0] for row in rows)
    assert "Index Cond: ((channel = s.channel) AND (address = s.address)" in plan
    assert "Join" not in plan
