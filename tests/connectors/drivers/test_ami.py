"""The driver of AMI against an exchange on a real socket."""

import pytest

from services.connectors.drivers import ami
from services.connectors.drivers.wire import SKIPPED
from services.connectors.reading.frames import LONGEST
from services.runtime.bus import Bus
from tests.connectors.drivers.asterisk import SECRET, USER, asterisk, channel, event
from tests.connectors.drivers.hand import by_hand
from tests.support.wait import until

RINGS = event("Newchannel", 1)
OVER = event("Hangup", 1, Cause="16")
NOISE = event("Newexten", 1, Application="Answer") + b"Event: RTCPSent\r\nTo: 10.0.0.1\r\n\r\n"
SHOWN = event("CoreShowChannel", 7, BridgeId="")


def bodies(*events: bytes) -> list[bytes]:
    return [one.removesuffix(b"\r\n\r\n") for one in events]


async def test_events_of_calls_are_stored_byte_for_byte_and_the_rest_is_not(bus: Bus) -> None:
    async with asterisk() as peer, by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand:
        driven = await hand.drive()
        await until(lambda: driven.state == "connected")
        before = SKIPPED.labels("inlet")._value.get()
        await peer.say(RINGS + NOISE + OVER)
        assert [one.body for one in await hand.stored(2)] == bodies(RINGS, OVER)
        assert SKIPPED.labels("inlet")._value.get() - before >= 2
        login = next(one for one in peer.sessions[0].actions if one["Action"] == "Login")
        assert login["Events"] == "call,agent,cdr"
        assert SECRET not in str(peer.sessions[0].actions), (
            "the secret is not said where there is a challenge"
        )


async def test_a_stream_in_single_bytes_is_the_same_events(bus: Bus) -> None:
    async with asterisk() as peer, by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand:
        await hand.drive()
        await until(lambda: peer.alive)
        await peer.say(RINGS + NOISE + OVER, piece=1)
        assert [one.body for one in await hand.stored(2)] == bodies(RINGS, OVER)


async def test_what_comes_in_one_breath_with_the_answer_to_the_login_counts(bus: Bus) -> None:
    async with (
        asterisk(after_login=RINGS + OVER, challenge=False) as peer,
        by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand,
    ):
        await hand.drive()
        assert [one.body for one in await hand.stored(2)] == bodies(RINGS, OVER)


async def test_after_each_login_the_calls_that_are_up_are_asked_for(bus: Bus) -> None:
    async with asterisk(up=SHOWN) as peer, by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand:
        driven = await hand.drive()
        assert [one.body for one in await hand.stored(1)] == bodies(SHOWN)
        peer.hang_up()
        assert "closed the connection" in await driven.failure()
        peer.up = event("CoreShowChannel", 8, BridgeId="")
        await hand.drive()
        assert len(await hand.stored(2)) == 2


async def test_without_the_right_to_ask_it_listens_and_says_so(bus: Bus) -> None:
    async with asterisk(permitted=False) as peer, by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand:
        driven = await hand.drive()
        await until(lambda: "write = reporting" in driven.state)
        await peer.say(RINGS)
        await hand.stored(1)


async def test_two_listeners_make_one_delivery_of_what_both_hear(bus: Bus) -> None:
    async with asterisk() as peer, by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand:
        first, _ = await hand.drive(), await hand.drive()
        await until(lambda: len(peer.alive) == 2)
        await peer.say(RINGS)
        await hand.stored(1)
        await first.kill()
        await peer.say(OVER)
        assert [one.body for one in await hand.stored(2)] == bodies(RINGS, OVER)


@pytest.mark.parametrize("challenge", [True, False])
async def test_a_refused_login_says_what_to_do_and_no_secret(bus: Bus, challenge: bool) -> None:
    async with (
        asterisk(challenge=challenge) as peer,
        by_hand(bus, channel(peer.port), AMI_SECRET="wrong horse") as hand,
    ):
        told = await (await hand.drive()).failure()
    assert told.startswith("Unreachable")
    assert USER in told
    assert "manager.conf" in told
    assert "wrong horse" not in told


async def test_a_port_that_nobody_listens_on_says_what_to_check(bus: Bus) -> None:
    async with asterisk() as peer:
        port = peer.port
    async with by_hand(bus, channel(port), AMI_SECRET=SECRET) as hand:
        told = await (await hand.drive()).failure()
    assert "check `host`, `port` and `tls`" in told


async def test_a_frame_without_end_ends_the_connection_and_not_the_memory(bus: Bus) -> None:
    async with asterisk() as peer, by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand:
        driven = await hand.drive()
        await until(lambda: peer.alive)
        await peer.say(b"Event: Newchannel\r\n" + b"X: y\r\n" * (LONGEST // 6 + 2))
        assert "a frame is longer" in await driven.failure()


async def test_a_silent_exchange_is_pinged_and_then_given_up(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ami, "_IDLE_SECONDS", 0.2)
    async with asterisk() as peer, by_hand(bus, channel(peer.port), AMI_SECRET=SECRET) as hand:
        driven = await hand.drive()
        await until(lambda: peer.alive)
        await until(lambda: sum(one["Action"] == "Ping" for one in peer.sessions[0].actions) > 2)
        assert driven.state == "connected"
        monkeypatch.setattr(peer, "_answer", lambda session, action: b"")
        assert "no longer answers" in await driven.failure()


def test_a_setting_cannot_smuggle_a_line_into_an_action() -> None:
    assert ami.action("Login", Username="a\r\nAction: Originate").count(b"\r\n") == 4
