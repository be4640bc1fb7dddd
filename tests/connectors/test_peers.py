"""Names for network addresses that tell none, and the most that one address may hand over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.connectors.definitions import channel_of
from services.connectors.domain import Delivery
from services.connectors.errors import Refused
from services.connectors.inlets.peers import Door, Throttle, key_of, sender_of
from services.connectors.settings import ConnectorsSettings
from tests.connectors.fixtures import AT
from tests.connectors.stage import SITE, form

ONE = form("tel=1")
KEY = key_of("postgresql://connectors:secret@db/leadwire")


def test_an_address_has_one_name_a_channel_and_day() -> None:
    name = sender_of("203.0.113.7", ONE, KEY)
    assert len(name) == 32
    assert name == sender_of("::ffff:203.0.113.7", form("tel=2", minute=30), KEY)
    others = [
        sender_of("203.0.113.8", ONE, KEY),
        sender_of("203.0.113.7", ONE, key_of("another")),
        sender_of("203.0.113.7", replace(ONE, channel="other"), KEY),
        sender_of("203.0.113.7", replace(ONE, received_at=AT + timedelta(days=1)), KEY),
    ]
    assert len({name, *others}) == 5


def test_a_network_of_ipv6_is_one_sender_and_an_unknown_address_is_none() -> None:
    assert sender_of("2001:db8::1", ONE, KEY) == sender_of("2001:db8::2", ONE, KEY)
    assert sender_of("2001:db8:0:1::1", ONE, KEY) != sender_of("2001:db8::1", ONE, KEY)
    assert sender_of(None, ONE, KEY) == sender_of("unix:", ONE, KEY) == ""


def test_a_sender_is_named_only_where_senders_are_counted() -> None:
    door = Door(ConnectorsSettings())
    plain, counting = channel_of("site", SITE), channel_of("site", {**SITE, "guard": {}})

    def named(channel: object) -> Delivery:
        return door.named(channel, ONE, "203.0.113.7")  # type: ignore[arg-type]

    assert named(plain) is ONE
    assert named(counting).sender
    assert named(counting).id == ONE.id


def refused(throttle: Throttle, now: float, peer: str = "a", channel: str = "site") -> int | None:
    """For how many seconds a request is sent away, if it is."""
    try:
        throttle.admit(peer, channel, now)
    except Refused as refusal:
        return refusal.after if refusal.status == 429 and refusal.remedy else -1
    return None


def test_an_address_that_hands_over_too_much_is_sent_away_for_a_while() -> None:
    throttle = Throttle(30)
    assert [refused(throttle, 0.0) for _ in range(31)] == [None] * 30 + [2]
    assert refused(throttle, 1.0) == 1
    assert refused(throttle, 2.0) is None
    assert refused(throttle, 2.0) == 2
    assert refused(throttle, 2.0, peer="b") is refused(throttle, 2.0, channel="other") is None
    assert [refused(throttle, 999.0) for _ in range(31)][-2:] == [None, 2]


def test_the_throttle_remembers_only_so_many() -> None:
    throttle = Throttle(1, most_peers=10)
    for n in range(1000):
        throttle.admit(f"10.0.0.{n}", "site", 0.0)
    assert len(throttle._left) == 10


def test_it_is_off_unless_set() -> None:
    channel = channel_of("site", SITE)
    for rate, served in ((0, 50), (5, 5)):
        door = Door(ConnectorsSettings(intake_rate=rate))
        scope = {"client": ("203.0.113.7", 1)}
        for _ in range(served):
            door.admit(scope, channel)
    with pytest.raises(Refused):
        door.admit(scope, channel)
