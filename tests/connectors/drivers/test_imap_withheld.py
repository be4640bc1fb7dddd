"""Mail that is in the mailbox and does not come: asked for again, then told; what is gone is no matter."""

import re
from collections.abc import AsyncIterator

import pytest

from services.connectors.definitions import channel_of
from services.connectors.drivers.inlet import Unreachable
from services.connectors.store.raw import message_at, stored_delivery
from services.connectors.usecases.outcome import outcome_of
from services.runtime.bus import Bus
from tests.connectors.drivers.mailbox_stage import SECRETS, definition, driving, mail, subjects
from tests.connectors.drivers.odd_server import OddServer, odd_server

LONG_AGO = "2026-01-01"


@pytest.fixture
async def odd() -> AsyncIterator[OddServer]:
    async with odd_server() as server:
        yield server


EMPTY = {
    "nothing": b"",
    "nil": b"* 2 FETCH (UID 2 BODY[]<0> NIL)\r\n",
    "shell": b"* 2 FETCH (UID 2 RFC822.SIZE 0 BODY[]<0> {0}\r\n)\r\n",
    "bodiless": b"* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n",
}


def handed_over(odd: OddServer, command: str, second: bytes) -> bytes:
    """The mails that are asked for, with this instead of the body of the second."""
    said = b""
    for uid in (int(uid) for uid in command.split()[2].split(",")):
        instead = uid == 2 and ("BODY" in command or 2 not in odd.mails)
        said += second if instead else odd.mail(uid, command)
        if instead and second.startswith((b"{tag}", b"* BYE")):
            return said
    return said + b"{tag} OK done\r\n"


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
async def test_a_mail_that_vanished_meanwhile_holds_up_no_other(
    bus: Bus, odd: OddServer, empty: bytes
) -> None:
    odd.mails |= {1: mail(1), 3: mail(3)}
    said = b"* 2 EXPUNGE\r\n* 4 FETCH (FLAGS (\\Seen))\r\n* SEARCH 1 2 3\r\n{tag} OK done\r\n"
    odd.answers["UID SEARCH UID 2"] = lambda _: b"* SEARCH\r\n{tag} OK done\r\n"
    odd.answers["UID SEARCH"] = lambda _: said
    odd.answers["UID FETCH"] = lambda command: handed_over(odd, command, empty)
    async with driving(bus, odd.port, since=LONG_AGO) as driven:
        await driven.connected()
        assert await driven.subjects(2) == ["Lesson 1", "Lesson 3"]


WITHHELD = {
    **EMPTY,
    "refused": b"{tag} NO [SERVERBUG] cannot read it\r\n",
    "hung up": b"* BYE cannot read it\r\n",
}


@pytest.mark.parametrize(("how", "second"), WITHHELD.items(), ids=WITHHELD)
async def test_a_mail_that_is_there_and_never_comes_is_told_once_and_holds_up_no_other(
    bus: Bus, odd: OddServer, how: str, second: bytes
) -> None:
    odd.mails |= {number: mail(number) for number in (1, 2, 3)}
    odd.answers["UID FETCH"] = lambda command: handed_over(odd, command, second)
    assert await times_broken(bus, odd, 8) >= 4
    assert await subjects(bus) == ["", "Lesson 1", "Lesson 3"]
    asked = [said for said in odd.heard if re.match(r"UID FETCH [12,3]*2[,3]* \(UID BODY", said)]
    assert len(asked) < 8
    channel = channel_of("inlet", definition(odd.port), SECRETS)
    found = [stored_delivery(await message_at(bus, "INTAKE", 1 + at)).delivery for at in range(3)]
    [told] = [outcome for one in found if (outcome := outcome_of(channel, one)).verdict == "failed"]
    assert told.reason.startswith("mail 2 of INBOX is in the mailbox and was not handed over (")
    assert {"refused": "SERVERBUG", "hung up": "hung up"}.get(how, "hands over nothing") in told.reason


async def test_a_mail_that_comes_at_last_is_not_left_out(bus: Bus, odd: OddServer) -> None:
    odd.mails |= {number: mail(number) for number in (1, 2, 3)}
    tries = iter([EMPTY["nil"]] * 3)
    odd.answers["UID FETCH"] = lambda command: handed_over(odd, command, body(command))

    def body(command: str) -> bytes:
        withheld = "BODY" in command and "2" in command.split()[2].split(",")
        return next(tries, None) or odd.mail(2, command) if withheld else b""

    assert await times_broken(bus, odd, 4) == 2
    assert await subjects(bus) == ["Lesson 1", "Lesson 2", "Lesson 3"]


async def test_a_server_that_hands_over_nothing_at_all_is_waited_for(bus: Bus, odd: OddServer) -> None:
    odd.mails |= {number: mail(number) for number in (1, 2, 3)}
    odd.answers["UID FETCH"] = lambda command: (
        b"{tag} NO [UNAVAILABLE] later\r\n" if "BODY" in command else odd.said(command)
    )
    assert await times_broken(bus, odd, 7) == 7
    odd.answers.clear()
    assert await times_broken(bus, odd, 1) == 0
    assert await subjects(bus) == ["Lesson 1", "Lesson 2", "Lesson 3"]


async def times_broken(bus: Bus, odd: OddServer, most: int) -> int:
    """How often the driver fails before it has caught up."""
    for times in range(most):
        async with driving(bus, odd.port, since=LONG_AGO) as driven:
            try:
                await driven.connected()
            except Unreachable:
                continue
            return times
    return most
