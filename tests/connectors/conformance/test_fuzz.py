"""Parsers against hypothesis: no exception but the named ones. LEADWIRE_FUZZ_SECONDS says how long each."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from services.connectors.catalog.kinds import Kind
from services.connectors.domain import Delivery
from services.connectors.kit.recorded import Fixture
from tests.connectors.conformance.judge import kinds, parsed, readable

SECONDS = float(os.environ.get("LEADWIRE_FUZZ_SECONDS", "2"))
BATCH = 30

_printable = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
_plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_json = st.recursive(
    _plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


def mutilated(body: bytes, at: int, cut: int, insert: bytes) -> bytes:
    """The body with some bytes at a place made others."""
    at %= len(body) + 1
    return body[:at] + insert + body[at + cut :]


def replaced(document: Any, path: list[int], value: Any) -> Any:
    """The document with one of its values, found by a walk, made another."""
    if not path or not isinstance(document, dict | list) or not document:
        return value
    if isinstance(document, dict):
        name = list(document)[path[0] % len(document)]
        return {**document, name: replaced(document[name], path[1:], value)}
    place = path[0] % len(document)
    return [*document[:place], replaced(document[place], path[1:], value), *document[place + 1 :]]


def wrong_values(body: bytes) -> st.SearchStrategy[bytes] | None:
    """JSON and forms with some of their values made others; None for other bodies."""
    try:
        document = json.loads(body)
    except ValueError:
        pairs = [pair.split(b"=", 1) for pair in body.split(b"&") if b"=" in pair and b"\n" not in pair]
        if not pairs:
            return None
        return st.builds(
            lambda n, value: b"&".join(
                name + b"=" + (value if i == n % len(pairs) else old) for i, (name, old) in enumerate(pairs)
            ),
            st.integers(0, 50),
            st.binary(max_size=30),
        )
    walk = st.lists(st.integers(0, 9), min_size=1, max_size=6)
    return st.builds(lambda path, value: json.dumps(replaced(document, path, value)).encode(), walk, _json)


@st.composite
def deliveries(
    draw: Callable[..., Any], recorded: list[tuple[Fixture, Delivery]]
) -> tuple[Fixture, Delivery]:
    """A recorded delivery, damaged."""
    fixture, delivery = draw(st.sampled_from(recorded))
    body = delivery.body
    shape = draw(st.integers(0, 9))
    values = wrong_values(body) if shape > 3 else None
    if values is not None:
        body = draw(values)
    elif shape > 0:
        cut, insert = draw(st.integers(0, 60)), draw(st.binary(max_size=30))
        body = mutilated(body, draw(st.integers(0, 100_000)), cut, insert)
    else:
        body = draw(st.binary(max_size=400))
    asked = ["content-type", *fixture.kind.manifest.headers, "mail-from", "rcpt-to"]
    headers = draw(st.dictionaries(st.sampled_from(asked), _printable, max_size=1))
    query = draw(st.just(delivery.query) | _printable)
    changed = replace(delivery, body=body, headers={**delivery.headers, **headers}, query=query)
    return fixture, changed


@pytest.mark.timeout(max(120, 3 * SECONDS))
@kinds
def test_a_parser_is_total(kind: Kind) -> None:
    recorded = readable(kind)
    began = time.monotonic()
    batch = 0
    while time.monotonic() - began < SECONDS:

        @seed(batch)
        @settings(max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(deliveries(recorded))
        def holds(given: tuple[Fixture, Delivery]) -> None:
            parsed(*given)

        holds()
        batch += 1
