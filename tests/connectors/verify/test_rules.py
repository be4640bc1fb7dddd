"""Rules of vendors without a published vector, shared secrets, networks, passwords."""

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from services.connectors.domain import Settings
from services.connectors.verify import Held, Presented, Verification, kept_address
from services.connectors.verify.signing import signed
from tests.connectors.verify.presenting import AT, FORM, asked, header, held, refusal

RULES = {
    # Typeform: base64 with a prefix.
    "typeform": (
        asked("hmac", at="header:typeform-signature", prefix="sha256=", encoding="base64"),
        header(b'{"event_id": "1"}', typeform_signature=""),
        held("abc123"),
    ),
    # Mailgun: over two fields of the form, fresh by one of them.
    "mailgun": (
        asked("hmac", at="field:signature", signs="{field:timestamp}{field:token}", times="field:timestamp"),
        header(f"timestamp={int(AT.timestamp())}&token=abc&signature=SIGNATURE".encode(), content_type=FORM),
        held("key-1"),
    ),
    # Mango Office: a plain hash with key and salt around the JSON as it was transmitted.
    "mango": (
        asked("digest", at="field:sign", signs="{setting:api_key}{field:json}{secret}"),
        header(b"vpbx_api_key=k&sign=SIGNATURE&json=%7B%22seq%22%3A%221%22%7D", content_type=FORM),
        held("salt", api_key="k"),
    ),
    # Zadarma: the hex text of HMAC-SHA1 in base64, over fields that depend on the event.
    "zadarma": (
        asked(
            "signed_fields",
            at="header:signature",
            algorithm="sha1",
            encoding="hex_base64",
            by="field:event",
            fields={"NOTIFY_START": ["caller_id", "called_did", "call_start"]},
        ),
        header(
            b"event=NOTIFY_START&caller_id=%2B79001234567&called_did=74950000000"
            b"&call_start=2026-01-15+13%3A00%3A00",
            content_type=FORM,
            signature="",
        ),
        held("zadarma-secret"),
    ),
}


@pytest.mark.parametrize("name", list(RULES))
def test_rules_of_vendors_sign_and_verify(name: str) -> None:
    proof, request, secrets = RULES[name]
    head = "".join(f"{key}: {value}\n" for key, value in request.headers.items()).encode()
    raw = signed(proof, request, secrets, b"POST / HTTP/1.1\n" + head + b"\n" + request.body)
    lines, _, body = raw.partition(b"\n\n")
    headers = dict(line.decode().split(": ", 1) for line in lines.splitlines()[1:])
    ready = replace(request, headers={key.lower(): value for key, value in headers.items()}, body=body)
    assert refusal(proof, ready, secrets) is None
    assert refusal(proof, ready, held("other", **secrets.settings.values)) == 403
    assert refusal(proof, replace(ready, body=body.replace(b"1", b"2")), secrets) == 403


def test_zadarma_signs_fixed_text() -> None:
    """Computed apart from this code: base64 of the hex text that `openssl dgst -sha1 -hmac` prints."""
    proof, request, _ = RULES["zadarma"]
    made = signed(proof, request, held("s"), b"POST / HTTP/1.1\nA: b\n\n")
    text = base64.b64decode(made.split(b"Signature: ")[1].split(b"\n")[0])
    assert len(text) == 40
    assert set(text) <= set(b"0123456789abcdef")


def test_a_signature_and_its_time_in_one_header() -> None:
    """The layout `t=...,v1=...` that payment services made common; two signatures during a rotation."""
    proof = asked(
        "hmac",
        at="header:x-sig#v1",
        times="header:x-sig#t",
        signs="{header:x-sig#t}.{body}",
    )
    moment = int(AT.timestamp())

    def by(secret: str, told: int = moment, body: bytes = b"{}") -> str:
        return hmac.new(secret.encode(), b"%d.%s" % (told, body), "sha256").hexdigest()

    def asked_with(*signatures: str, told: int = moment) -> int | None:
        parts = ",".join(f"v1={one}" for one in signatures)
        return refusal(proof, header(b"{}", x_sig=f"t={told}, {parts},v0=zz"), held("s"))

    assert asked_with(by("s")) is None
    assert asked_with(by("other"), by("s")) is None
    assert asked_with(by("other")) == 403
    assert asked_with(by("s"), told=moment + 1) == 403
    assert asked_with(by("s", moment - 301), told=moment - 301) == 403
    assert refusal(proof, header(b"{}", x_sig=f"t={moment},v0={by('s')}"), held("s")) == 401
    assert refusal(proof, header(b"{}"), held("s")) == 401


def test_a_digest_over_other_fields_for_each_event() -> None:
    templates = {
        "field:mes": "{field:phone}:{field:mes}:{secret}",
        "status": "{field:id}:{field:status}:{secret}",
    }
    proof = asked("digest", at="field:md5", algorithm="md5", by="field:event", templates=templates)

    def refused(signed: str, body: str) -> int | None:
        md5 = hashlib.md5(signed.encode()).hexdigest()
        return refusal(proof, header(f"{body}&md5={md5}".encode(), content_type=FORM), held("s"))

    assert refused("7:hi:s", "phone=7&mes=hi") is None
    assert refused("7:hi:s", "phone=7&mes=ho") == 403
    assert refused("1:2:s", "event=status&id=1&status=2") is None
    assert refused("1:2:s", "event=other&id=1&status=2") == 403
    with pytest.raises(ValidationError):
        asked("hmac", at="field:md5", templates={"*": "{body}"})


@pytest.mark.parametrize(
    ("at", "request_"),
    [
        ("header:x-token", header(b"", x_token="Bearer s3cret")),
        ("query:token", Presented("POST", b"", AT, query="a=1&token=Bearer+s3cret")),
        ("path", Presented("POST", b"", AT, path="Bearer s3cret/more")),
        ("field:a.key", header(b'{"a": {"key": "Bearer s3cret"}}', content_type="application/json")),
        ("field:key", header(b"key=Bearer+s3cret", content_type=FORM)),
    ],
)
def test_a_shared_secret_anywhere(at: str, request_: Presented) -> None:
    proof = asked("shared_secret", at=at, prefix="Bearer ")
    assert refusal(proof, request_, held("s3cret")) is None
    assert refusal(proof, request_, held(("new", "s3cret"))) is None
    assert refusal(proof, request_, held("s3cre")) == 403
    assert refusal(proof, request_, held("")) == 403
    empty = replace(request_, headers={}, query="", path="", body=b"")
    assert refusal(proof, empty, held("s3cret")) == 401


def test_a_secret_in_the_address_is_cut_out() -> None:
    request = Presented("POST", b"", AT, path="s3cret/events/call", query="a=1&token=s3cret&b=2")
    assert kept_address(asked("shared_secret", at="path"), request) == ("events/call", request.query)
    assert kept_address(asked("shared_secret", at="query:token"), request) == (request.path, "a=1&b=2")


def test_user_and_password() -> None:
    proof = asked("basic", user="user")
    secrets = held("pass:word", user="anna")
    good = base64.b64encode(b"anna:pass:word").decode()
    assert refusal(proof, header(b"", authorization=f"Basic {good}"), secrets) is None
    assert refusal(proof, header(b"", authorization=f"Bearer {good}"), secrets) == 401
    for wrong in (b"anna:pass", b"bob:pass:word", b"", b"anna"):
        text = base64.b64encode(wrong).decode()
        assert refusal(proof, header(b"", authorization=f"Basic {text}"), secrets) == 403
    assert refusal(proof, header(b"", authorization="Basic %%"), secrets) == 403


def test_only_from_listed_networks() -> None:
    proof = Verification(scheme="none", why="the network decides", networks="sources")
    secrets = Held(Settings({"sources": ["203.0.113.0/28", "2001:db8::1"]}))
    for peer in ("203.0.113.15", "2001:db8::1", "::ffff:203.0.113.1"):
        assert refusal(proof, Presented("POST", b"", AT, peer=peer), secrets) is None
    for stranger in ("203.0.113.16", "2001:db8::2", None, "testclient"):
        assert refusal(proof, Presented("POST", b"", AT, peer=stranger), secrets) == 403
    assert refusal(proof, Presented("POST", b"", AT), Held()) is None


def test_a_proof_can_be_switched_off_on_purpose_only() -> None:
    proof = asked("hmac", at="header:signature", unless="unsigned")
    assert refusal(proof, header(b""), held("s")) == 401
    assert refusal(proof, header(b""), held("", unsigned=False)) == 403
    assert refusal(proof, header(b""), held("", unsigned=True)) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheme": "hmac", "secret": "s"},
        {"scheme": "none"},
        {"scheme": "hmac", "secret": "s", "at": "cookie:x"},
        {"scheme": "signed_fields", "secret": "s", "at": "header:x"},
    ],
)
def test_a_manifest_that_leaves_out_what_a_scheme_needs_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Verification.model_validate(wrong)
