"""SMPP against a server library, and against a centre by hand for what goes wrong."""

import asyncio
from typing import Any

import pytest
import smpp34

from services.connectors.domain import Delivery
from services.connectors.domain.sending import InDoubt, Later, Outgoing, Refused, Sent
from services.connectors.drivers import smpp
from services.connectors.drivers.inlet import Arrived, Inlet
from services.connectors.drivers.smpp import carrying, keeping
from services.connectors.reading.smpp.pdus import THROTTLED
from services.connectors.usecases.outcome import Outcome, outcome_of
from services.runtime.bus import Bus
from tests.connectors.drivers.centre import Centre, centre
from tests.connectors.drivers.hand import Driven, Hand, by_hand
from tests.support.ports import free_ports
from tests.support.wait import until

LONG = "Добрый день! " * 20


def account(port: int, **more: Any) -> dict[str, Any]:
    settings = {"host": "127.0.0.1", "port": port, "system_id": "leadwire", "password": "${P}", **more}
    return {"kind": "smpp", "settings": settings}


def sms(text: bytes, **more: Any) -> bytes:
    return smpp34.DeliverSm("447946095801", "5550", text, source_addr_ton=1, **more).encode()


def parts(reference: int = 7) -> list[bytes]:
    data = LONG.encode("utf-16-be")
    pieces = [data[at : at + 134] for at in range(0, len(data), 134)]
    heads = [bytes([5, 0, 3, reference, len(pieces), number + 1]) for number in range(len(pieces))]
    return [
        sms(head + piece, esm_class=0x40, data_coding=8) for head, piece in zip(heads, pieces, strict=True)
    ]


def read(hand: Hand, delivery: Delivery) -> Outcome:
    return outcome_of(hand.started[0].inlet.channel, delivery)


def text(hand: Hand, delivery: Delivery) -> str:
    fact: Any = read(hand, delivery).found[0].fact
    return str(fact.text)


async def bound(hand: Hand) -> Driven:
    driven = await hand.drive()
    await until(lambda: driven.state == "bound" or driven.task.done())
    assert driven.state == "bound", driven.task
    return driven


async def test_a_server_library_hands_over_texts_and_takes_ours(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carrying, "_PART_PAUSE", 0.01)
    server = smpp34.Server("127.0.0.1", port := free_ports(1)[0], system_id="centre")
    await server.start()
    async with by_hand(bus, account(port, sender="5550"), P="hush") as hand:
        driven = await bound(hand)
        esme = await server.next()
        assert isinstance(esme, smpp34.Esme)
        assert esme.system_id == "leadwire"
        for number, unit in enumerate([sms(b"Hello\x1be"), *parts()], 1):
            told = smpp34.decode(unit)
            assert isinstance(told, smpp34.DeliverSm)
            answer = await esme.deliver_sm(
                told.destination_addr, told.short_message, source_addr=told.source_addr,
                source_addr_ton=1, esm_class=told.esm_class, data_coding=told.data_coding,
            )  # fmt: skip
            assert answer.is_success, number
        assert [text(hand, one) for one in await hand.stored(2)] == ["Hello€", LONG.strip()]

        carry = driven.carriers.of("inlet")
        assert carry
        sending = asyncio.ensure_future(carry(Outgoing("m1", "+447946095801", "€" * 100)))
        taken = []
        for number in range(3):  # the second part only at its second try
            event = await server.next()
            assert isinstance(event, smpp34.SubmitSmEvent)
            taken.append((event.short_message, event.registered_delivery, event.esm_class, event.data_coding))
            event.reject(THROTTLED) if number == 1 else event.accept(f"id{number}")
        assert await sending == Sent("id2")
        assert isinstance(event, smpp34.SubmitSmEvent)
        assert (event.destination_addr, event.dest_addr_ton, event.source_addr) == ("447946095801", 1, "5550")
        assert taken[1] == taken[2]
        assert [one[1:] for one in taken[:2]] == [(0, 0x40, 0), (1, 0x40, 0)]
    await server.stop()


def ids(hand: Hand, found: list[Delivery]) -> set[str]:
    return {str(read(hand, one).found[0].fact.external_id) for one in found}


async def answered(there: Centre, count: int) -> list[int]:
    """The statuses of the first acknowledgements, once there are so many."""
    await until(lambda: len(there.got(0x80000005)) >= count, why=f"{count} acknowledgements")
    return [one.status for one in there.got(0x80000005)]


async def test_cut_off_before_the_acknowledgement_it_comes_again_and_counts_once(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, stored = Inlet.store, asyncio.Event()

    async def store_and_die(inlet: Inlet, *arrived: Arrived) -> None:
        await real(inlet, *arrived)
        if arrived:
            stored.set()
            await asyncio.Event().wait()

    async with centre() as there, by_hand(bus, account(there.port), P="hush") as hand:
        for number in range(5):
            monkeypatch.setattr(Inlet, "store", store_and_die)
            stored.clear()
            driven = await bound(hand)
            there.deliver(sms(b"text %d" % number), 1)
            async with asyncio.timeout(10):
                await stored.wait()
            await driven.kill()
            monkeypatch.setattr(Inlet, "store", real)
            driven = await bound(hand)
            there.deliver(sms(b"text %d" % number), 100 + number)
            assert await answered(there, number + 1) == [0] * (number + 1)
            await driven.kill()
        found = await hand.stored(5)
        assert sorted(text(hand, one) for one in found) == [f"text {number}" for number in range(5)]
        assert len(ids(hand, found)) == 5


async def test_the_same_words_again_are_a_new_message_once_the_first_is_known_to_be_acknowledged(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with centre() as there, by_hand(bus, account(there.port, enquire=1), P="hush") as hand:
        driven = await bound(hand)
        there.deliver(sms(b"yes"), 1)
        there.deliver(sms(b"yes"), 2)
        await answered(there, 2)
        await until(lambda: not driven.inlet.cursor.value.get("doubts", True))
        await driven.kill()
        await bound(hand)
        there.deliver(sms(b"yes"), 1)
        await answered(there, 3)
        assert len(ids(hand, await hand.stored(3))) == 3


async def test_parts_of_a_long_message_outlive_the_driver_whatever_their_order(bus: Bus) -> None:
    units = parts()
    async with centre() as there, by_hand(bus, account(there.port), P="hush") as hand:
        order = [2, 0, 2, 3, 1]  # one of them twice, as after a lost acknowledgement
        for place, number in enumerate(order):
            driven = await bound(hand)
            there.deliver(units[number], 40 + place)
            assert await answered(there, place + 1) == [0] * (place + 1)
            await driven.kill()
        await bound(hand)
        there.deliver(units[1], 50)
        await answered(there, len(order) + 1)
        [found] = await hand.stored(1)
        assert text(hand, found) == LONG.strip()


async def test_a_reference_that_comes_round_parts_two_messages(bus: Bus) -> None:
    async with centre() as there, by_hand(bus, account(there.port), P="hush") as hand:
        await bound(hand)
        there.deliver(sms(bytes([5, 0, 3, 9, 2, 1]) + b"of old, ", esm_class=0x40), 1)
        there.deliver(sms(bytes([5, 0, 3, 9, 2, 1]) + b"one, ", esm_class=0x40), 2)
        there.deliver(sms(bytes([5, 0, 3, 9, 2, 2]) + b"two", esm_class=0x40), 3)
        assert await answered(there, 3) == [0, 0, 0]
        assert sorted(text(hand, one) for one in await hand.stored(2)) == ["of old,", "one, two"]


async def test_while_the_bus_is_away_the_centre_is_told_to_come_again(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_STORE_SECONDS", 0.2)
    real = Inlet.store

    async def never(inlet: Inlet, *arrived: Arrived) -> None:
        await asyncio.Event().wait()

    async with centre() as there, by_hand(bus, account(there.port), P="hush") as hand:
        await bound(hand)
        monkeypatch.setattr(Inlet, "store", never)
        there.deliver(sms(b"hello"), 1)
        assert await answered(there, 1) == [0x64]
        there.say(0x15, 9)
        await until(lambda: there.got(0x80000015))  # it is there all the same
        monkeypatch.setattr(Inlet, "store", real)
        there.deliver(sms(b"hello"), 2)
        assert await answered(there, 2) == [0x64, 0]
        assert len(await hand.stored(1)) == 1


async def test_what_is_no_message_is_kept_or_refused_and_the_session_goes_on(bus: Bus) -> None:
    async with centre() as there, by_hand(bus, account(there.port), P="hush") as hand:
        driven = await bound(hand)
        there.say(0x102, 1, b"\0")  # alert_notification: nothing is to be said
        there.say(0x21, 2, b"what?")
        there.say(5, 3, b"cut")
        await answered(there, 1)
        [nack] = there.got(0x80000000)
        assert (nack.status, nack.sequence) == (3, 2)
        [found] = await hand.stored(1)
        assert read(hand, found).verdict == "failed"
        there.say(6, 4)
        assert "ended the session" in await driven.failure()
        assert there.got(0x80000006)


@pytest.mark.parametrize(
    ("status", "words"), [(0x0E, "`password`"), (0x05, "bound already"), (0x99, "0x00000099")]
)
async def test_a_refused_bind_says_what_to_do(bus: Bus, status: int, words: str) -> None:
    async with centre() as there, by_hand(bus, account(there.port), P="hush-hush") as hand:
        there.bind_status = status
        failure = await (await hand.drive()).failure()
        assert failure.startswith("Unreachable")
        assert words in failure
        assert "hush" not in failure


async def test_a_centre_that_falls_silent_or_hangs_up_is_left(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smpp, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(carrying, "_RESPONSE_SECONDS", 0.2)
    settings = account(0, enquire=1, sender="School")
    async with centre() as there, by_hand(bus, settings, P="hush") as hand:
        settings["settings"]["port"] = there.port
        driven = await bound(hand)
        there.deaf = True
        assert "no longer answers" in await driven.failure()
        assert "does not answer the bind" in await (await hand.drive()).failure()
        there.deaf = False
        driven = await bound(hand)
        carry = driven.carriers.of("inlet")
        assert carry
        there.statuses = [None, 0x14, 0x0B, 0]
        message = Outgoing("m", "447946095801", "hello")
        assert await carry(message) == InDoubt("the centre did not answer")
        assert isinstance(await carry(message), Later)
        assert isinstance(await carry(message), Refused)
        assert isinstance(await carry(message), Sent)
        assert isinstance(await carry(Outgoing("m", "Anna", "hello")), Refused)
        sending = asyncio.ensure_future(carry(message))
        there.statuses = [None]
        there.hang_up()
        assert isinstance(await sending, InDoubt)
        await driven.failure()
        assert driven.carriers.of("inlet") is None
