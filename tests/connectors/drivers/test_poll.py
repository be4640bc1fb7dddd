"""Long poll against a server on a real socket that keeps updates until they are confirmed."""

import asyncio
from functools import partial
from urllib.parse import parse_qs

import pytest

from services.connectors.domain import Delivery
from services.connectors.domain.exchange import Answer
from services.connectors.drivers.inlet import Arrived, Inlet
from services.connectors.errors import Unreadable
from services.connectors.reading.rawhttp import Request
from services.connectors.reading.slices import items_in
from services.connectors.usecases.outcome import outcome_of
from services.runtime.bus import Bus
from tests.connectors.drivers.hand import Driven, Hand, by_hand
from tests.connectors.drivers.vendor import vendor
from tests.support.wait import until

TOKEN = "123:AA-bb"
HUGE = 9007199254740993


def update(number: int) -> bytes:
    person = b'{"id":%d,"first_name":"\\u0410\xd0\xbd"}' % (HUGE + number)
    said = b'"date":1768471200,"chat":%s, "from":%s,"text":"x"' % (person, person)
    return b'{"update_id":%d,\n"message":{"message_id":%d,%s}}' % (number, number, said)


def stands_at(driven: Driven, place: int) -> bool:
    return bool(driven.inlet.cursor.value.get("at") == str(place))


class BotApi:
    """getUpdates: an update is kept until a higher offset is asked for."""

    def __init__(self, *numbers: int) -> None:
        self.kept = list(numbers)
        self.refusals: list[Answer] = []
        self.there = asyncio.Event()

    async def __call__(self, request: Request) -> Answer:
        if self.refusals:
            return self.refusals.pop(0)
        assert request.path == f"/bot{TOKEN}/getUpdates"
        asked = parse_qs(request.query)
        offset = int(asked.get("offset", ["0"])[0])
        self.kept = [number for number in self.kept if number >= offset]
        if not self.kept:
            self.there.clear()
            await self.there.wait()
        rows = b",\n".join(map(update, self.kept[:2]))
        return Answer(200, {}, b'{"ok":true, "result":[%s]}' % rows)

    def add(self, *numbers: int) -> None:
        self.kept += numbers
        self.there.set()


def bot(url: str, **more: str) -> dict[str, object]:
    return {"kind": "telegram", "settings": {"receive": "poll", "token": "${T}", "api_url": url, **more}}


def ids(deliveries: list[Delivery], hand: Hand) -> list[str | None]:
    channel = hand.started[0].inlet.channel
    return [
        touch.external_id for one in deliveries for touch in channel.kind.parse(one, channel.settings).touches
    ]


async def test_every_update_is_one_delivery_of_its_very_bytes(bus: Bus) -> None:
    api = BotApi(7, 8, 9)
    async with vendor(api) as server, by_hand(bus, bot(server.url), T=TOKEN) as hand:
        driven = await hand.drive()
        found = await hand.stored(3)
        assert [one.body for one in found] == [update(7), update(8), update(9)]
        await until(lambda: driven.inlet.cursor.value.get("at") == "10")
        assert driven.state == "connected"
        posted = Delivery("inlet", "telegram", update(8), found[1].received_at)
        assert posted.id == found[1].id  # as by webhook
        outcome = outcome_of(driven.inlet.channel, found[0])
        assert str(HUGE + 7) in str(outcome.found[0].fact)
        api.add(10)
        assert len(await hand.stored(4)) == 4


async def test_killed_between_storing_and_moving_the_cursor_nothing_is_lost_or_doubled(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = BotApi()
    real = Inlet.store
    stored = asyncio.Event()

    async def store_and_die(inlet: Inlet, *arrived: Arrived) -> None:
        await real(inlet, *arrived)
        stored.set()
        await asyncio.Event().wait()

    async with vendor(api) as server, by_hand(bus, bot(server.url), T=TOKEN) as hand:
        for round_ in range(6):
            monkeypatch.setattr(Inlet, "store", store_and_die)
            stored.clear()
            api.add(2 * round_ + 1, 2 * round_ + 2)
            driven = await hand.drive()
            async with asyncio.timeout(10):
                await stored.wait()
            await driven.kill()
            monkeypatch.setattr(Inlet, "store", real)
            driven = await hand.drive()
            await until(partial(stands_at, driven, 2 * round_ + 3))
            await driven.kill()
        found = await hand.stored(12)
        assert ids(found, hand) == [f"{HUGE + number}:{number}" for number in range(1, 13)]


async def test_refusals_say_what_to_do_and_hold_no_token(bus: Bus) -> None:
    api = BotApi(1)
    async with vendor(api) as server, by_hand(bus, bot(server.url), T=TOKEN) as hand:
        for status, words in ((409, "deleteWebhook"), (401, "BotFather"), (502, "asked again later")):
            api.refusals = [Answer(status, {}, b'{"ok":false}')]
            failure = await (await hand.drive()).failure()
            assert words in failure
            assert TOKEN not in failure
        api.refusals = [Answer(200, {}, b"<html>")]
        assert "speak this API" in await (await hand.drive()).failure()
        api.refusals = [Answer(429, {}, b'{"ok":false,"parameters":{"retry_after":0}}')]
        await hand.drive()
        assert len(await hand.stored(1)) == 1
    async with by_hand(bus, bot("http://127.0.0.1:1"), T=TOKEN) as hand:
        assert "did not answer: ConnectError" in await (await hand.drive()).failure()
    async with by_hand(bus, bot("ftp://x"), T=TOKEN) as hand:
        assert "api_url" in await (await hand.drive()).failure()


async def test_a_marker_in_the_answer_is_gone_on_with_and_loses_no_digit(bus: Bus) -> None:
    pages = {None: (HUGE, 2), str(HUGE): (HUGE + 2, 1), str(HUGE + 2): (HUGE + 2, 0)}
    held = asyncio.Event()

    async def answer(request: Request) -> Answer:
        assert request.headers["authorization"] == "t"
        marker = parse_qs(request.query).get("marker", [None])[0]
        following, count = pages[marker]
        if not count:
            await held.wait()
        rows = b",".join(b'{"update_type":"x","timestamp":%d}' % (following + n) for n in range(count))
        return Answer(200, {}, b'{"updates":[%s],"marker":%d}' % (rows, following))

    async with vendor(answer) as server:
        settings = {"receive": "poll", "token": "${T}", "api_url": server.url + "/"}
        async with by_hand(bus, {"kind": "max", "settings": settings}, T="t") as hand:
            driven = await hand.drive()
            assert len(await hand.stored(3)) == 3
            await until(lambda: driven.inlet.cursor.value["at"] == str(HUGE + 2))
            assert {request.path for request in server.asked} == {"/updates"}


async def test_another_bots_place_is_not_taken_over(bus: Bus) -> None:
    api = BotApi(1000)
    async with vendor(api) as server, by_hand(bus, bot(server.url), T=TOKEN) as hand:
        await (await hand.drive()).inlet.cursor.move(
            {"at": "5000", "moved": "2026-11-22T10:00:00+00:00", "whose": "x"}
        )
        assert len(await hand.stored(1)) == 1


@pytest.mark.parametrize(
    "answer", [b"", b"[]", b'{"result":1}', b'{"result":[1', b'{"result":[1 2]}', b"\xff", b"{"]
)
def test_what_is_no_answer_is_told(answer: bytes) -> None:
    with pytest.raises(Unreadable):
        items_in(answer, "result")


def test_items_keep_their_bytes_and_numbers_their_digits() -> None:
    items, beside = items_in(
        b' {"marker" : 9007199254740993 ,"updates":[ {"a":1.0e2} ,"\\u0041" , 1.10]\n}', "updates"
    )
    assert items == [(b'{"a":1.0e2}', {"a": "1.0e2"}), (b'"\\u0041"', "A"), (b"1.10", "1.10")]
    assert beside == {"marker": "9007199254740993"}
    assert items_in(b'{"updates":[]}', "updates") == ([], {})
