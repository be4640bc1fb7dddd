"""What must hold for whatever a parser says."""

import json

import pytest

from contracts.contract import Fact, plain
from services.connectors.catalog.kinds import Kind, catalogue
from services.connectors.domain import UNKNOWN, CallPart, Delivery, Parsed, Touch
from services.connectors.errors import Unreadable
from services.connectors.kit.recorded import Fixture, fixtures_of
from services.connectors.trial import facts_in
from services.connectors.usecases.outcome import made

KINDS = list(catalogue().values())
RECORDED = {kind.name: fixtures_of(kind) for kind in KINDS}
# A fact must fit into a message of the bus.
LARGEST = 700_000

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.name}-")


def parsed(fixture: Fixture, delivery: Delivery) -> Parsed | None:
    """The parser's word; None when it says, by the one error it may raise, that it cannot read."""
    channel = fixture.channel
    try:
        said = channel.kind.parse(delivery, channel.settings)
    except Unreadable as error:
        return None if str(error) else pytest.fail("it must have a reason for people")
    assert said.verdict in ("accepted", "ignored", "rejected")
    assert (said.verdict == "accepted") == bool(said.items), "accepted says something, the others nothing"
    assert said.verdict == "accepted" or said.reason, "it must have a reason for people"
    event = said.event
    if said.verdict == "accepted":
        assert channel.kind.manifest.events.get(event) == "accepted", f"{event} is not declared accepted"
    for item in said.items:
        if isinstance(item, Touch):
            assert item.external_id or item.content, "a touch is known by the vendor's id or its content"
        else:
            assert item.call if isinstance(item, CallPart) else item.external_id, "it must name what it is of"
    for fact in facts_in([made(delivery, said, event)]):
        check(fact)
    return said


def check(fact: Fact) -> None:
    """The fact obeys its contract, survives the wire, and fits into a message."""
    wire = json.dumps(plain(fact), allow_nan=False)
    assert type(fact).model_validate_json(wire) == fact
    assert len(wire.encode()) < LARGEST


def facts(fixture: Fixture, deliveries: list[Delivery]) -> list[Fact]:
    """The facts in a row of deliveries; what cannot be read has none."""
    said = [(delivery, parsed(fixture, delivery)) for delivery in deliveries]
    return facts_in([made(delivery, one, one.event) for delivery, one in said if one is not None])


def readable(kind: Kind) -> list[tuple[Fixture, Delivery]]:
    """Every recorded delivery of a kind that falls into deliveries at all."""
    found: list[tuple[Fixture, Delivery]] = []
    for fixture in RECORDED[kind.name]:
        try:
            found += [(fixture, delivery) for delivery in fixture.deliveries()]
        except Unreadable:
            assert fixture.event == UNKNOWN
    return found


def some(found: list[tuple[Fixture, Delivery]], most: int) -> list[tuple[Fixture, Delivery]]:
    """At most so many of them, spread evenly: a kind with many recordings is not tested for ever."""
    step = max(1, -(-len(found) // most))
    return found[::step]
