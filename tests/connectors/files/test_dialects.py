"""How kinds ask for files: the right address, and the token for nobody but the vendor."""

import ast
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from services.connectors.catalog.kinds import catalogue
from services.connectors.domain import Settings
from services.connectors.domain.exchange import Answer, Request
from services.connectors.domain.fetching import FileDialect, Held, Unfetchable
from services.connectors.domain.sending import Secrets
from tests.connectors.conformance.test_folder import OURS, OUTSIDE

AT = datetime(2026, 1, 15, 10, 0, tzinfo=UTC)
KINDS = sorted(name for name, kind in catalogue().items() if kind.files)
# By the vendor's rule: base64 of the hex text of HMAC-SHA1 over method, query and the query's MD5.
ZADARMA = "key:OWVlMDdjMjhiNjYzMzZlNDEwY2IzMGNmNGI0Njg2YjI2OWJhYzg2NA=="
ACCOUNT = "AC" + "0" * 32


def dialect(kind: str) -> FileDialect:
    found = catalogue()[kind].files
    assert found
    return found


def held(settings: dict[str, Any] | None = None, **secrets: str) -> Held:
    return Held(Settings(settings or {}), Secrets(secrets), AT)


def asked(kind: str, reference: str, told: Held) -> Request:
    request = dialect(kind).request(reference, told)
    assert request
    return request


def answered(kind: str, body: Any, told: Held) -> Request | None:
    then = dialect(kind).then
    assert then
    return then(Answer(200, {}, body if isinstance(body, bytes) else json.dumps(body).encode()), told)


def test_telegram_tells_a_path_first() -> None:
    told = held({"api_url": "https://api.telegram.org"}, token="1:x")
    assert asked("telegram", "A&b", told).url == "https://api.telegram.org/bot1:x/getFile?file_id=A%26b"
    found = answered("telegram", {"ok": True, "result": {"file_path": "voice/a b.oga"}}, told)
    assert found == Request("https://api.telegram.org/file/bot1:x/voice/a%20b.oga")
    assert answered("telegram", {"ok": False}, told) is None
    with pytest.raises(Unfetchable, match="--local"):
        answered("telegram", {"result": {"file_path": "/var/lib/x"}}, told)
    with pytest.raises(Unfetchable, match="token"):
        asked("telegram", "A", held({"api_url": "https://api.telegram.org"}))


def test_whatsapp_tells_the_token_to_meta_alone() -> None:
    told = held({"api_url": "https://graph.facebook.com", "api_version": "v23.0"}, token="t")
    bearer = {"authorization": "Bearer t"}
    assert asked("whatsapp", "1/2", told) == Request("https://graph.facebook.com/v23.0/1%2F2", headers=bearer)
    near = answered("whatsapp", {"url": "https://lookaside.fbsbx.com/x"}, told)
    assert near == Request("https://lookaside.fbsbx.com/x", headers=bearer)
    for far in ("https://evil.example/x", "http://lookaside.fbsbx.com/x", "https://evilfbsbx.com/x"):
        found = answered("whatsapp", {"url": far}, told)
        assert found == Request(far)


@pytest.mark.parametrize("kind", ["twilio_voice", "twilio_sms"])
def test_twilio_is_told_the_account(kind: str) -> None:
    url = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/RE1"
    proof = asked(kind, url, held(auth_token="t")).headers["authorization"]
    assert proof == "Basic " + "QUMwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDp0"
    for other in (url.replace("api.twilio.com", "evil.example"), url.replace("https", "http"), "RE1"):
        assert dialect(kind).request(other, held(auth_token="t")) is None


def test_mango_is_asked_with_a_signature() -> None:
    told = held({"api_url": "https://app.mango-office.ru/vpbx/", "api_key": "k"}, api_salt="s")
    request = asked("mango", "MToxMDA=", told)
    assert (request.method, request.url) == (
        "POST",
        "https://app.mango-office.ru/vpbx/queries/recording/post",
    )
    told_fields = dict(parse_qsl(request.body.decode()))
    assert json.loads(told_fields["json"]) == {"recording_id": "MToxMDA=", "action": "download"}
    assert told_fields["sign"] == "be56b54ee9427026aaa604f531975633ddf1d84c899fceb6cb9ce0b588f7cdc5"


def test_zadarma_is_asked_with_a_signature_and_tells_an_address() -> None:
    told = held({"api_url": "https://api.zadarma.com", "api_key": "key"}, secret="secret")
    request = asked("zadarma", "1.2", told)
    assert request.url == "https://api.zadarma.com/v1/pbx/record/request/?call_id=1.2&lifetime=1800"
    assert request.headers["authorization"] == ZADARMA
    assert answered("zadarma", {"status": "success", "link": "https://x.example/r"}, told) == Request(
        "https://x.example/r"
    )
    assert answered("zadarma", {"links": ["https://x.example/r"]}, told) == Request("https://x.example/r")
    for other in ({"status": "error"}, b"no json", {"links": [1]}):
        assert answered("zadarma", other, told) is None


@pytest.mark.parametrize(
    ("kind", "near", "far", "secret"),
    [
        ("mailgun", "https://se.api.mailgun.net/v3/x", "https://evil.example/mailgun.net", "api_key"),
        ("typeform", "https://api.typeform.com/forms/x", "https://eviltypeform.com/x", "token"),
    ],
)
def test_others_are_told_no_key(kind: str, near: str, far: str, secret: str) -> None:
    told = held(None, **{secret: "k"})
    assert "authorization" in asked(kind, near, told).headers
    for other in (far, near.replace("https", "http"), "http://[::1"):
        assert dialect(kind).request(other, told) is None


@pytest.mark.parametrize("kind", KINDS)
def test_asking_reaches_for_nothing_outside(kind: str) -> None:
    tree = ast.parse((catalogue()[kind].folder / "files.py").read_text("utf-8"))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {alias.name for node in found if isinstance(node, ast.Import) for alias in node.names}
    named |= {node.module or "" for node in found if isinstance(node, ast.ImportFrom)}
    assert not named & OUTSIDE
    ours = {name for name in named if name.startswith("services")}
    assert all(name.startswith(OURS) for name in ours)
