"""The driver of FreeSWITCH's event socket against an exchange on a real socket."""

from services.connectors.drivers import esl
from services.runtime.bus import Bus
from tests.connectors.drivers.freeswitch import PASSWORD, channel, event, freeswitch
from tests.connectors.drivers.hand import by_hand
from tests.support.wait import until

RINGS = event("CHANNEL_CREATE", 1, Caller_Caller_ID_Name="Иван Петров")
OVER = event("CHANNEL_HANGUP_COMPLETE", 1, Hangup_Cause="NO_ANSWER")
LEFT = event("CUSTOM", 1, Event_Subclass="vm::maintenance", VM_Action="leave-message")
NOISE = event("HEARTBEAT", 0) + event("CUSTOM", 1, Event_Subclass="vm::maintenance", VM_Action="mwi-update")


async def test_events_of_calls_are_stored_byte_for_byte_and_the_rest_is_not(bus: Bus) -> None:
    async with freeswitch() as peer, by_hand(bus, channel(peer.port), ESL_PASSWORD=PASSWORD) as hand:
        driven = await hand.drive()
        await until(lambda: driven.state == "connected")
        await peer.say(RINGS + NOISE + LEFT + OVER)
        assert {one.body for one in await hand.stored(3)} == {RINGS, LEFT, OVER}
        assert peer.heard[1].startswith("event plain HEARTBEAT CHANNEL_CREATE ")


async def test_a_stream_in_single_bytes_is_the_same_events(bus: Bus) -> None:
    async with freeswitch() as peer, by_hand(bus, channel(peer.port), ESL_PASSWORD=PASSWORD) as hand:
        await hand.drive()
        await until(lambda: peer.listeners)
        await peer.say(RINGS + NOISE + OVER, piece=1)
        assert [one.body for one in await hand.stored(2)] == [RINGS, OVER]


async def test_what_comes_before_the_answer_to_our_asking_counts(bus: Bus) -> None:
    async with (
        freeswitch(with_reply=RINGS + OVER) as peer,
        by_hand(bus, channel(peer.port), ESL_PASSWORD=PASSWORD) as hand,
    ):
        await hand.drive()
        assert {one.body for one in await hand.stored(2)} == {RINGS, OVER}


async def test_a_wrong_password_or_address_says_what_to_do_and_no_secret(bus: Bus) -> None:
    for how, words in (({}, "event_socket.conf.xml"), ({"turned_away": True}, "apply-inbound-acl")):
        async with (
            freeswitch(**how) as peer,
            by_hand(bus, channel(peer.port), ESL_PASSWORD="wrong horse") as hand,
        ):
            told = await (await hand.drive()).failure()
        assert told.startswith("Unreachable")
        assert words in told
        assert "wrong horse" not in told


def test_only_events_that_we_asked_for_are_chosen() -> None:
    assert esl.chosen(RINGS)
    assert not esl.chosen(event("CHANNEL_DESTROY", 1))
    assert not esl.chosen(b"Content-Type: command/reply\nReply-Text: +OK\n\n")
