"""Parsers are pure and total: repeats, reorder, damage, foreign charsets, large numbers, huge bodies."""

import json
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from contracts.contract import Fact
from contracts.interactions import InteractionChanged, InteractionReceived
from services.connectors.catalog.kinds import Kind
from services.connectors.usecases.further import fact_id
from tests.connectors.conformance.judge import facts, kinds, parsed, readable, some

FOREIGN = ("utf-16", "koi8-r", "windows-1251", "iso-2022-jp", "cp037")
# The first whole number that JSON readers made for doubles cannot hold, and what they make of it.
LARGE, ROUNDED = 2**53 + 1, ("9007199254740992", "9.007199254740992", "9.007199254740993")
BODIES = (
    b"",
    b"\0",
    b"{}",
    b"[]",
    b"null",
    b'"x"',
    b"1e999",
    b"[" * 100_000,
    b"x" * 2_000_000,
    b"=&=&=&",
    b"\xff" * 99,
    b"<a>" * 1000,
)


@kinds
def test_parsing_is_pure_and_a_repeat_is_the_same(kind: Kind) -> None:
    for fixture, delivery in readable(kind):
        first = parsed(fixture, delivery)
        assert parsed(fixture, delivery) == first
        later = replace(delivery, received_at=delivery.received_at + timedelta(hours=13))
        assert later.id == delivery.id
        again = parsed(fixture, later)
        assert (again is None) == (first is None), fixture.id
        if first and again and all(touch.external_id for touch in first.touches):
            one, two = facts(fixture, [delivery]), facts(fixture, [later])
            assert [known(fact) for fact in one] == [known(fact) for fact in two], fixture.id
            assert [known(fact) for fact in facts(fixture, [delivery, later])] == [
                known(fact) for fact in one
            ]


@kinds
def test_in_another_order_the_same_things_are_known(kind: Kind) -> None:
    chosen = some([one for one in readable(kind) if one[0].expected["verdict"] == "accepted"], 40)
    by_channel: dict[str, list[Any]] = {}
    for fixture, delivery in chosen:
        by_channel.setdefault(json.dumps(fixture.definition), []).append((fixture, delivery))
    for group in by_channel.values():
        fixture, deliveries = group[0][0], [delivery for _, delivery in group]
        told = {known(fact) for fact in facts(fixture, deliveries) if not of_call(fact)}
        for seed in range(2):
            random.Random(seed).shuffle(deliveries)
            assert {known(fact) for fact in facts(fixture, deliveries) if not of_call(fact)} == told


def of_call(fact: Fact) -> bool:
    """Whether it is one of the facts of a call, which depend on what was known when."""
    return hasattr(fact, "call_id")


def known(fact: Fact) -> str:
    """The name under which a fact is the same for ever."""
    if isinstance(fact, InteractionReceived):
        return str(fact.interaction_id)
    if isinstance(fact, InteractionChanged) or not hasattr(fact, "call_id"):
        return str(fact_id(fact))  # type: ignore[arg-type]
    return f"{fact.TYPE} {fact.call_id}"


@kinds
def test_a_truncated_body_raises_nothing_unnamed(kind: Kind) -> None:
    for fixture, delivery in some(readable(kind), 16):
        size = len(delivery.body)
        for end in range(0, size, max(1, size // 24)):
            parsed(fixture, replace(delivery, body=delivery.body[:end]))


@kinds
def test_a_foreign_charset_raises_nothing_unnamed(kind: Kind) -> None:
    for fixture, delivery in some(readable(kind), 16):
        text = delivery.body.decode("utf-8", "replace")
        for charset in FOREIGN:
            parsed(fixture, replace(delivery, body=text.encode(charset, "replace")))
            label = f"{delivery.headers.get('content-type')}; charset={charset}"
            labelled = {**delivery.headers, "content-type": label}
            parsed(fixture, replace(delivery, headers=labelled))


@kinds
def test_what_is_no_event_raises_nothing_unnamed(kind: Kind) -> None:
    [(fixture, delivery), *_] = readable(kind)
    for body in BODIES:
        parsed(fixture, replace(delivery, body=body))


@kinds
def test_numbers_above_2_53_stay_as_they_are(kind: Kind) -> None:
    for fixture, delivery in some([one for one in readable(kind) if one[1].body[:1] == b"{"], 16):
        try:
            document = json.loads(delivery.body)
        except ValueError:
            continue
        for place in range(min(40, whole_numbers(document))):
            large, _ = with_large(document, place)
            body = json.dumps(large).encode()
            for fact in facts(fixture, [replace(delivery, body=body)]):
                wire = fact.model_dump_json(exclude={"occurred_at"})
                assert not any(wrong in wire for wrong in ROUNDED), f"{fixture.id}: {wire[:300]}"


def whole_numbers(document: Any) -> int:
    """How many whole numbers are in a document."""
    if isinstance(document, dict | list):
        inner = document.values() if isinstance(document, dict) else document
        return sum(map(whole_numbers, inner))
    return isinstance(document, int) and not isinstance(document, bool)


def with_large(document: Any, place: int) -> tuple[Any, int]:
    """The document with one of its whole numbers made large; and how many places are left to go."""
    if isinstance(document, dict):
        made = {}
        for name, value in document.items():
            made[name], place = with_large(value, place)
        return made, place
    if isinstance(document, list):
        row = []
        for value in document:
            value, place = with_large(value, place)
            row.append(value)
        return row, place
    if isinstance(document, int) and not isinstance(document, bool):
        return (LARGE if place == 0 else document), place - 1
    return document, place
