"""The LMTP inlet with the standard library's client, over a Unix socket."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from services.connectors.definitions.channel import Rules
from services.connectors.inlets import lmtp
from services.connectors.settings import ConnectorsSettings
from services.runtime.bus import Bus
from services.runtime.clock import SystemClock
from tests.connectors.stage import MAIL, rules
from tests.support.wait import until

T = TypeVar("T")
LETTER = b"From: Anna <anna@example.com>\r\nMessage-ID: <l1@example.com>\r\n\r\nHello\r\n.\r\n"
OTHER = {"kind": "smtp", "settings": {"addresses": ["office@school.example"]}}


class Host:
    """As much of a host as an inlet needs."""

    definitions = None

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.clock = SystemClock()
        self.stopping = asyncio.Event()


class Lmtp:
    """A client, and what it is told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known = [rules({"info": MAIL, "office": OTHER})]

    def rules(self) -> Rules:
        """As they are now."""
        return self.known[-1]

    async def said(self, recipients: list[str], letter: bytes = LETTER) -> list[int]:
        """The codes of the answers to RCPT, then of those to the mail."""

        def session() -> list[int]:
            with smtplib.LMTP(str(self.path)) as client:
                client.ehlo_or_helo_if_needed()
                assert client.has_extn("pipelining")
                client.mail("anna@example.com")
                taken = [client.rcpt(recipient)[0] for recipient in recipients]
                client.putcmd("DATA")
                if client.getreply()[0] != 354:
                    return taken
                client.send(letter)
                answers = [client.getreply()[0] for code in taken if code == 250]
                assert client.noop()[0] == 250, "nothing was left over"
                return taken + answers

        return await asyncio.to_thread(session)


@pytest.fixture
async def inlet(bus: Bus, tmp_path: Path) -> AsyncIterator[Lmtp]:
    client, host = Lmtp(tmp_path / "lmtp.sock"), Host(bus)
    settings = ConnectorsSettings(lmtp_inlet_socket=client.path, intake_limit=2000)
    told: Any = host
    serving = asyncio.create_task(lmtp.serve(told, settings, client.rules))
    await until(client.path.exists)
    yield client
    host.stopping.set()
    await serving


async def test_each_recipient_is_answered_and_each_channel_stores_once(bus: Bus, inlet: Lmtp) -> None:
    to = ["info@school.example", "nobody@school.example", "office@school.example", "INFO+x@school.example"]
    assert await inlet.said(to) == [250, 550, 250, 250, 250, 250, 250]
    state = (await bus.js.stream_info("INTAKE", subjects_filter="intake.*")).state
    assert state.subjects == {"intake.info": 1, "intake.office": 1}


async def test_what_is_refused_as_a_whole_is_refused_to_each(bus: Bus, inlet: Lmtp) -> None:
    to = ["info@school.example", "office@school.example"]
    assert await inlet.said(to, b"Subject: " + b"x" * 3000 + b"\r\n" + LETTER) == [250, 250, 552, 552]
    circling = b"Received: a\r\n" * 51 + LETTER
    assert await inlet.said(to, circling) == [250, 250, 554, 554]
    assert (await bus.js.stream_info("INTAKE")).state.messages == 0


async def test_one_may_be_stored_and_another_not(
    bus: Bus, inlet: Lmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish: Callable[..., Any] = bus.publish_with_others

    async def but_not_for_office(stream: str, subject: str, *more: Any, **named: Any) -> bool:
        if subject.endswith("office"):
            raise TimeoutError
        return bool(await publish(stream, subject, *more, **named))

    monkeypatch.setattr(bus, "publish_with_others", but_not_for_office)
    assert await inlet.said(["office@school.example", "info@school.example"]) == [250, 250, 451, 250]


def test_it_is_off_unless_it_is_given_a_place() -> None:
    assert not lmtp.wanted(ConnectorsSettings())
    assert lmtp.wanted(ConnectorsSettings(lmtp_inlet_port=0))
