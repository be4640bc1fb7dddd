"""The IMAP driver against servers that are slow to learn, strict, broken or gone."""

import base64
import json
from collections.abc import AsyncIterator

import pytest

from services.connectors.domain.exchange import Answer
from services.connectors.drivers.imap.names import encoded, quoted
from services.connectors.drivers.imap.responses import Garbled, Response, fetched
from services.connectors.drivers.inlet import Unreachable
from services.connectors.reading.rawhttp import Request
from services.runtime.bus import Bus
from tests.connectors.drivers.mailbox_stage import SECRETS, driving, mail
from tests.connectors.drivers.odd_server import OddServer, odd_server
from tests.connectors.drivers.vendor import vendor
from tests.support.wait import until

LONG_AGO = "2026-01-01"


@pytest.fixture
async def odd() -> AsyncIterator[OddServer]:
    async with odd_server() as server:
        yield server


async def test_without_idle_it_looks_now_and_then(bus: Bus, odd: OddServer) -> None:
    async with driving(bus, odd.port, interval=1) as driven:
        await driven.connected()
        odd.mails[1] = mail(1)
        assert await driven.subjects(1) == ["Lesson 1"]
        assert "NOOP" in odd.heard


async def test_idle_that_is_offered_and_refused_is_done_without(bus: Bus, odd: OddServer) -> None:
    odd.abilities += " IDLE"
    odd.answers["IDLE"] = lambda _: b"{tag} NO [CANNOT] not today\r\n"
    async with driving(bus, odd.port, interval=1) as driven:
        await driven.connected()
        odd.mails[1] = mail(1)
        await driven.stored(1)


@pytest.mark.parametrize(
    ("command", "answer", "why"),
    [
        (
            "AUTHENTICATE",
            b"{tag} NO [AUTHENTICATIONFAILED] anna is wrong\r\n",
            "AUTHENTICATIONFAILED.*`password`",
        ),
        ("EXAMINE", b"{tag} NO [NONEXISTENT] no\r\n", "INBOX.*`folders`"),
        ("UID SEARCH", b"* BYE [UNAVAILABLE] closing\r\n", "hung up .UNAVAILABLE"),
        ("UID FETCH", b"* 1 FETCH (UID 1\r\n{tag} OK\r\n", "bracket too few"),
        ("UID FETCH", b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n", "literal of 99999999999"),
    ],
)
async def test_what_goes_wrong_is_said_with_its_remedy(
    bus: Bus, odd: OddServer, command: str, answer: bytes, why: str
) -> None:
    odd.mails[1] = mail(1)
    odd.answers[command] = lambda _: answer
    async with driving(bus, odd.port, since=LONG_AGO) as driven:
        with pytest.raises(Unreachable, match=why) as told:
            await driven.connected()
    assert "anna" not in str(told.value)


async def test_oauth_gets_a_token_once_and_shows_it_on_every_connection(bus: Bus, odd: OddServer) -> None:
    async def grant(_: Request) -> Answer:
        return Answer(200, {}, json.dumps({"access_token": "t0k3n", "expires_in": 3600}).encode())

    async with vendor(grant) as tokens:
        oauth = {"login": "xoauth2", "token_url": f"{tokens.url}/token", "client_id": "hub"}
        oauth |= {"client_secret": "${CLIENT_SECRET}", "refresh_token": "${REFRESH}"}
        async with driving(bus, odd.port, folders=["INBOX", "Leads"], **oauth) as driven:
            await driven.connected()
            await until(lambda: sum(said.startswith("EXAMINE") for said in odd.heard) == 2)
    shown = [said.split()[-1] for said in odd.heard if said.startswith("AUTHENTICATE XOAUTH2")]
    assert {base64.b64decode(one) for one in shown} == {b"user=anna\x01auth=Bearer t0k3n\x01\x01"}
    assert len(shown) == 2


@pytest.mark.parametrize(("status", "why"), [(400, "invalid_grant.*`refresh_token`"), (200, "no token")])
async def test_a_token_that_is_not_given_is_said_to_be(
    bus: Bus, odd: OddServer, status: int, why: str
) -> None:
    async def refuse(_: Request) -> Answer:
        return Answer(status, {}, b'{"error": "invalid_grant"}')

    async with vendor(refuse) as tokens:
        oauth = {"login": "xoauth2", "token_url": tokens.url, "refresh_token": "${REFRESH}"}
        async with driving(bus, odd.port, **oauth) as driven:
            with pytest.raises(Unreachable, match=why) as told:
                await driven.connected()
    assert SECRETS["REFRESH"] not in str(told.value)


def test_folder_names_are_spelled_in_modified_utf_7() -> None:
    # The example of RFC 3501, section 5.1.3.
    assert encoded("~peter/mail/台北/日本語") == "~peter/mail/&U,BTFw-/&ZeVnLIqe-"
    assert encoded("A&B") == "A&-B"
    assert quoted('a "b" \\') == b'"a \\"b\\" \\\\"'
    with pytest.raises(ValueError, match="ASCII"):
        quoted("a\r\nA1 LOGOUT")


def test_a_mail_is_read_from_any_spelling_of_a_response() -> None:
    one = fetched(
        Response("*", b'1 FETCH (FLAGS (\\Seen \\X) BODY[HEADER.FIELDS (A B)] NIL UID 5 body[] "a\\"b")')
    )
    assert one
    assert (one.uid, one.body, one.size) == (5, b'a"b', -1)
    assert fetched(Response("*", b"1 FETCH (FLAGS ())")) is None
    with pytest.raises(Garbled):
        fetched(Response("*", b"1 FETCH (UID 1"))
