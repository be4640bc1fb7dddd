"""What every kind in the catalogue must do. Nobody writes these tests per kind: its folder is enough."""

import ast
import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.contract import plain as as_json
from contracts.interactions import InteractionReceived
from services.connectors.catalog.kinds import Kind, catalogue
from services.connectors.domain import Delivery, Parsed, interaction, own_id
from services.connectors.errors import Unreadable
from services.connectors.usecases.outcome import outcome_of
from tests.connectors.fixtures import ALL, AT, Fixture, fixtures_of, plain

KINDS = list(catalogue().values())
WITHOUT_EVENT = {"unknown", "preflight"}
ALLOWED = ("contracts.", "services.connectors.domain", "services.connectors.errors")
SHARED = ("services.connectors.reading.",)
OUTSIDE = {
    "os",
    "time",
    "random",
    "socket",
    "pathlib",
    "asyncio",
    "threading",
    "subprocess",
    "uuid",
    "secrets",
}

fixtures = pytest.mark.parametrize("fixture", ALL, ids=lambda fixture: fixture.id)
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def parsed(fixture: Fixture, delivery: Delivery) -> Parsed | None:
    """The parser's word; None when it says, by the one error it may raise, that it cannot read."""
    channel = fixture.channel()
    try:
        result = channel.kind.parse(delivery, channel.settings)
    except Unreadable as error:
        return None if str(error) else pytest.fail("it must have a reason for people")
    for place, touch in enumerate(result.touches):
        fact = interaction(delivery, touch, own_id(delivery, touch, place))
        assert InteractionReceived.model_validate(as_json(fact)) == fact
        assert len(fact.model_dump_json().encode()) < 700_000, "it must fit into a message of the bus"
        json.dumps(as_json(fact), allow_nan=False).encode()
    return result


@fixtures
def test_every_fixture_gives_what_is_expected(fixture: Fixture) -> None:
    told = plain(fixture.tried())
    if fixture.format != "http":
        del told["answer"]
    assert told == fixture.expected


@fixtures
def test_every_fixture_is_named_after_its_event(fixture: Fixture) -> None:
    declared = fixture.kind.manifest.events
    assert fixture.event in declared or fixture.event in WITHOUT_EVENT
    assert fixture.expected["event"] == fixture.event
    if fixture.event in declared:
        assert fixture.expected["verdict"] == declared[fixture.event]


@kinds
def test_every_accepted_event_has_a_fixture(kind: Kind) -> None:
    accepted = {event for event, fate in kind.manifest.events.items() if fate == "accepted"}
    shown = {fixture.event for fixture in fixtures_of(kind) if fixture.expected["verdict"] == "accepted"}
    assert accepted
    assert accepted <= shown


@kinds
def test_a_refused_secret_has_a_fixture(kind: Kind) -> None:
    if kind.manifest.verification.scheme == "none":
        return
    refused = [
        fixture.expected["answer"]["status"] for fixture in fixtures_of(kind) if fixture.format == "http"
    ]
    assert {401, 403} <= set(refused)


@kinds
def test_a_kind_says_how_to_set_it_up(kind: Kind) -> None:
    text = (kind.folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert len(text) > 400
    for setting in kind.manifest.settings:
        assert f"`{setting}`" in text


@kinds
def test_a_parser_is_short_and_reaches_for_nothing_outside(kind: Kind) -> None:
    source = (kind.folder / "parse.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    for node in ast.walk(ast.parse(source)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert name.split(".")[0] not in OUTSIDE, name
            if name.startswith(("services.", "contracts")):
                assert name.startswith((*ALLOWED, *SHARED)), name


@fixtures
def test_parsing_is_pure(fixture: Fixture) -> None:
    first = parsed(fixture, fixture.delivery())
    assert parsed(fixture, fixture.delivery()) == first


@fixtures
def test_the_same_delivery_twice_is_the_same_interaction(fixture: Fixture) -> None:
    delivery = fixture.delivery()
    later = replace(delivery, received_at=AT.replace(hour=23))
    first, second = parsed(fixture, delivery), parsed(fixture, later)
    if first is None or second is None:
        return
    assert later.id == delivery.id
    for place, (one, two) in enumerate(zip(first.touches, second.touches, strict=True)):
        assert one.external_id == two.external_id
        assert one.external_id or one.content, "a touch is known by the vendor's id or by its content"
        if one.external_id:
            assert own_id(delivery, one, place) == own_id(later, two, place)
        else:
            assert one.content == two.content


@fixtures
def test_a_truncated_body_raises_nothing_unnamed(fixture: Fixture) -> None:
    delivery = fixture.delivery()
    for end in range(0, len(delivery.body), max(1, len(delivery.body) // 97)):
        parsed(fixture, replace(delivery, body=delivery.body[:end]))


@fixtures
@pytest.mark.parametrize("charset", ["utf-16", "koi8-r", "windows-1251", "iso-2022-jp", "cp037"])
def test_a_foreign_charset_raises_nothing_unnamed(fixture: Fixture, charset: str) -> None:
    delivery = fixture.delivery()
    text = delivery.body.decode("utf-8", "replace")
    parsed(fixture, replace(delivery, body=text.encode(charset, "replace")))
    labelled = {
        **delivery.headers,
        "content-type": f"{delivery.headers.get('content-type')}; charset={charset}",
    }
    parsed(fixture, replace(delivery, headers=labelled))


@kinds
@pytest.mark.parametrize(
    "body",
    [
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
    ],
    ids=["empty", "nul", "object", "list", "null", "text", "number", "deep", "huge", "separators", "high"],
)
def test_an_unknown_event_makes_no_interaction(kind: Kind, body: bytes) -> None:
    fixture = fixtures_of(kind)[0]
    result = outcome_of(fixture.channel(), replace(fixture.delivery(), body=body))
    if kind.name != "form" or body in (b"{}", b"[]", b"null", b""):
        assert result.verdict != "accepted"
    assert result.found == () or result.verdict == "accepted"
    assert result.verdict == "accepted" or result.reason
    assert "the parser" not in result.reason, "nothing but named errors"


def _mutilate(body: bytes, at: int, cut: int, insert: bytes) -> bytes:
    at %= len(body) + 1
    return body[:at] + insert + body[at + cut :]


@kinds
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_parser_is_total(kind: Kind, data: st.DataObject) -> None:
    fixture = data.draw(st.sampled_from(fixtures_of(kind)))
    delivery = fixture.delivery()
    body = data.draw(
        st.one_of(
            st.binary(max_size=400),
            st.builds(
                _mutilate,
                st.just(delivery.body),
                st.integers(0, 10_000),
                st.integers(0, 60),
                st.binary(max_size=30),
            ),
        )
    )
    printable = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
    headers = {
        **delivery.headers,
        **data.draw(st.dictionaries(st.sampled_from([*_HEADERS]), printable, max_size=2)),
    }
    query = data.draw(printable)
    parsed(fixture, replace(delivery, body=body, headers=headers, query=query))


_HEADERS = ("content-type", "referer", "accept-language", "mail-from", "rcpt-to")

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


def _replaced(document: object, path: list[int], value: object) -> object:
    """The document with one of its values, found by a walk, made another."""
    if not path or not isinstance(document, dict | list) or not document:
        return value
    if isinstance(document, dict):
        name = list(document)[path[0] % len(document)]
        return {**document, name: _replaced(document[name], path[1:], value)}
    place = path[0] % len(document)
    return [*document[:place], _replaced(document[place], path[1:], value), *document[place + 1 :]]


@pytest.mark.parametrize("name", ["form", "telegram", "nats"])
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_parser_is_total_over_wrong_types(name: str, data: st.DataObject) -> None:
    def holds_json(fixture: Fixture) -> bool:
        return fixture.delivery().body.lstrip()[:1] == b"{" and "truncated" not in fixture.id

    fixture = data.draw(st.sampled_from(list(filter(holds_json, fixtures_of(catalogue()[name])))))
    delivery = fixture.delivery()
    path = data.draw(st.lists(st.integers(0, 9), max_size=5))
    document = _replaced(json.loads(delivery.body), path, data.draw(_json))
    parsed(fixture, replace(delivery, body=json.dumps(document).encode()))


def test_no_code_outside_a_kinds_folder_asks_for_it_by_name() -> None:
    transports = {"smtp"}  # also the name of a kind
    root = KINDS[0].folder.parents[1]
    for path in (path for path in root.rglob("*.py") if "catalog" not in path.parts):
        asked = [
            leaf.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Compare)
            for leaf in ast.walk(node)
            if isinstance(leaf, ast.Constant)
        ]
        named = {value for value in asked if value in catalogue()} - transports
        assert not named, f"{path} asks for {named}"
