"""Every kind that sends: its requests are valid whatever the text, its outcomes total, its secrets secret."""

import ast
import json
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from services.connectors.catalog.kinds import Kind
from services.connectors.definitions import channel_of
from services.connectors.definitions.channel import Channel
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.sending import InDoubt, Later, Outcome, Outgoing, Refused, Secrets, Sent
from services.connectors.kit.answers import answers_of
from services.connectors.sending.fit import secrets_of, unable, unfit
from services.connectors.sending.logins import TOKEN
from tests.connectors.conformance.judge import KINDS
from tests.connectors.conformance.test_folder import LIBRARIES, OURS, OUTSIDE
from tests.connectors.conformance.test_parsing import BODIES

SENDERS = [kind for kind in KINDS if kind.manifest.sending and not kind.manifest.sending.connection]
kinds = pytest.mark.parametrize("kind", SENDERS, ids=lambda kind: f"{kind.name}-")
LARGE = "9007199254740993"
MESSAGE_ID = "5f0c2a52-6d0e-4c7e-9d6b-0d9f6a3c8e11"
TEXTS = (
    "hello",
    "line\nline\r\n\ttab",
    "Привет, Аня — 100 %&=+",
    "👩‍👩‍👧 ﷽ 漢字",
    '"\\{}<b>',
    " ",
    "\x00\x1b",
    "\ud800",
)
SECRET = "t0ken-that-nobody-may-see"
# Such as a proxy, a login page or a vendor of tomorrow says.
ODD = (
    *(body[:5000] for body in BODIES),
    b'{"error":[]}',
    b'{"error":{"code":{}}}',
    b'{"data":[1]}',
    b'{"ok":true}',
)
LONGEST_REASON = 500


def channel(kind: Kind, *, without: tuple[str, ...] = ()) -> Channel:
    """A channel of this kind with a value for every setting that has no default."""
    settings: dict[str, Any] = {}
    for name, spec in kind.manifest.settings.items():
        if name in without or spec.default is not None or spec.type not in ("text", "secret"):
            continue
        settings[name] = f"${{{name.upper()}}}" if spec.type == "secret" else f"a-{name}"
    given = {name.upper(): f"{SECRET}-{name}" for name in settings}
    return channel_of("trial", {"kind": kind.name, "settings": settings}, given)


def secrets(kind: Kind) -> Secrets:
    """What the kind gets, an access token included."""
    return Secrets({**secrets_of(channel(kind)).values, TOKEN: f"{SECRET}-{TOKEN}"})


def asked(kind: Kind, text: str, to: str = LARGE, reply_to: str = "") -> Request:
    return kind.dialect.request(
        Outgoing(MESSAGE_ID, to, text, reply_to), channel(kind).settings, secrets(kind)
    )


def said(request: Request) -> list[str]:
    """Every value in the body, as text."""
    if request.headers["content-type"] == "application/x-www-form-urlencoded":
        return [value for _, value in parse_qsl(request.body.decode("ascii"), strict_parsing=True)]
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, dict | list):
            for inner in value.values() if isinstance(value, dict) else value:
                collect(inner)
        else:
            found.append(str(value))

    collect(json.loads(request.body))
    return found


@kinds
def test_a_request_is_valid_whatever_the_text(kind: Kind) -> None:
    sending = kind.manifest.sending
    assert sending
    for text in (*TEXTS, "я" * sending.longest):
        request = asked(kind, text)
        httpx.Request(request.method, request.url, headers=dict(request.headers), content=request.body)
        assert request.url.isascii()
        assert asked(kind, text) == request
        if text.isprintable() or "\n" in text:
            assert text in said(request), f"{text!r} does not arrive as it is"


@kinds
def test_ids_above_2_53_stay_as_they_are(kind: Kind) -> None:
    for to in (LARGE, f"-{LARGE}", "a b/ä?#&"):
        request = asked(kind, "hello", to, reply_to=f"{LARGE}:{LARGE}")
        place = f"{request.url} {' '.join(said(request))}"
        assert "9007199254740992" not in place
        assert to != LARGE or LARGE in place
        assert httpx.URL(request.url).host == httpx.URL(asked(kind, "hello").url).host


@kinds
def test_no_secret_is_shown(kind: Kind) -> None:
    request = asked(kind, "hello")
    shown = [repr(request), repr(secrets(kind)), repr(channel(kind))]
    for answer in answers_of(kind):
        shown.append(repr(answer.outcome))
    assert not [one for one in shown if SECRET in one]
    assert SECRET not in request.body.decode() or request.headers["content-type"].endswith("urlencoded")


@kinds
def test_an_outcome_is_total(kind: Kind) -> None:
    for status in (200, 201, 204, 302, 400, 401, 404, 408, 418, 429, 500, 502, 503, 504):
        for body in ODD:
            outcome: Outcome = kind.dialect.outcome(Answer(status, {"retry-after": "x"}, body))
            assert isinstance(outcome, Sent | Refused | Later | InDoubt)
            assert not isinstance(outcome, Sent), f"{status} {body[:20]!r} names no message"
            assert 0 < len(outcome.reason) < LONGEST_REASON
    empty = {status: type(kind.dialect.outcome(Answer(status))) for status in (400, 429, 500, 502, 503)}
    assert empty == {400: Refused, 429: Later, 500: InDoubt, 502: InDoubt, 503: Later}


@kinds
def test_what_the_vendor_answers_comes_out_as_expected(kind: Kind) -> None:
    assert [one.path.name for one in answers_of(kind) if not one.as_expected] == []


@kinds
def test_receiving_needs_nothing_that_only_sending_needs(kind: Kind) -> None:
    sending = kind.manifest.sending
    assert sending
    specs = kind.manifest.settings
    optional = tuple(name for name in sending.needs if not specs[name].needed(kind.manifest.transport))
    deaf = channel(kind, without=optional)
    assert deaf.missing == []
    no = unable(deaf)
    assert (no is not None) == bool(optional)
    assert no is None or all(name in no.reason for name in optional)
    assert unable(channel(kind)) is None


@kinds
def test_what_is_too_long_is_refused_before_the_vendor_is_asked(kind: Kind) -> None:
    sending = kind.manifest.sending
    assert sending
    assert unfit(channel(kind), "x" * sending.longest) is None
    no = unfit(channel(kind), "x" * (sending.longest + 1))
    assert no is not None
    assert str(sending.longest) in no.reason


@kinds
def test_it_is_short_and_says_how_it_sends(kind: Kind) -> None:
    source = (kind.folder / "send.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 100
    for node in ast.walk(ast.parse(source)):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            assert OUTSIDE.isdisjoint({name, name.partition(".")[0]}), name
            assert name.partition(".")[0] not in LIBRARIES or name.startswith(OURS), name
    assert "\n## Sending\n" in (kind.folder / "README.md").read_text(encoding="utf-8")


def test_kinds_that_declare_sending_have_the_code_for_it() -> None:
    found = {kind.name for kind in KINDS if (kind.folder / "send.py").exists()}
    assert found == {kind.name for kind in SENDERS}
