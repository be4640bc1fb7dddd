"""Stock schemes against published vectors; each altered byte fails."""

import base64
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from nacl.signing import SigningKey
from pydantic import SecretStr

from services.connectors.verify import Held, Presented, Verification
from tests.connectors.verify.presenting import AT, FORM, asked, each_bit_flipped, header, held, refusal

HUB = asked("hmac", at="header:x-hub-signature-256", prefix="sha256=")
# Published by GitHub for the header that Meta uses, too: "Validating webhook deliveries".
HUB_VECTOR = header(
    b"Hello, World!",
    x_hub_signature_256="sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
)
HUB_HELD = held("It's a Secret to Everybody")

TWILIO = asked("twilio")
# Twilio, "Webhooks security", worked example.
TWILIO_FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+12349013030",
    "Digits": "1234",
    "From": "+12349013030",
    "To": "+18005551212",
}
TWILIO_VECTOR = replace(
    header(
        urlencode(TWILIO_FIELDS).encode(),
        x_twilio_signature="0/KCTR6DLpKmkAf8muzZqo1nDgQ=",
        content_type=FORM,
    ),
    url="https://mycompany.com/myapp.php?foo=1&bar=2",
    query="foo=1&bar=2",
)
TWILIO_HELD = held("12345")

STANDARD = asked("standard_webhooks")
# Standard Webhooks, tests of the reference libraries.
STANDARD_VECTOR = replace(
    header(
        b'{"test": 2432232314}',
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        webhook_timestamp="1614265330",
        webhook_signature="v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    at=datetime.fromtimestamp(1614265330, UTC),
)
STANDARD_HELD = held("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

# RFC 4231, test case 2.
RFC4231 = header(
    b"what do ya want for nothing?",
    x_s="5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
)

PUBLISHED = {
    "x-hub-signature-256": (HUB, HUB_VECTOR, HUB_HELD),
    "twilio": (TWILIO, TWILIO_VECTOR, TWILIO_HELD),
    "standard_webhooks": (STANDARD, STANDARD_VECTOR, STANDARD_HELD),
    "rfc4231": (asked("hmac", at="header:x-s"), RFC4231, held("Jefe")),
}
published = pytest.mark.parametrize(
    ("proof", "request_", "secrets"), list(PUBLISHED.values()), ids=list(PUBLISHED)
)


@published
def test_published_vectors_verify_and_each_altered_byte_fails(
    proof: Verification, request_: Presented, secrets: Held
) -> None:
    assert refusal(proof, request_, secrets) is None
    for body in each_bit_flipped(request_.body):
        assert refusal(proof, replace(request_, body=body), secrets) == 403
    assert refusal(proof, replace(request_, body=b""), secrets) == 403
    assert refusal(proof, replace(request_, headers={}), secrets) == 401


@published
def test_during_a_rotation_either_secret_counts_and_none_closes(
    proof: Verification, request_: Presented, secrets: Held
) -> None:
    [live] = secrets.secrets["secret"]
    other = SecretStr("bm90IHRoZSBzZWNyZXQ=")
    both = replace(secrets, secrets={"secret": (other, live)})
    assert refusal(proof, request_, both) is None
    for wrong in ((other,), (), (SecretStr(""),)):
        assert refusal(proof, request_, replace(secrets, secrets={"secret": wrong})) == 403


def test_twilio_signs_the_address_with_or_without_its_port() -> None:
    for url in ("https://mycompany.com:443/myapp.php?foo=1&bar=2", TWILIO_VECTOR.url):
        assert refusal(TWILIO, replace(TWILIO_VECTOR, url=url), TWILIO_HELD) is None
    for url in ("https://mycompany.com/myapp.php?foo=1", "http://mycompany.com/myapp.php?foo=1&bar=2"):
        assert refusal(TWILIO, replace(TWILIO_VECTOR, url=url), TWILIO_HELD) == 403


def test_twilio_json_is_signed_by_its_hash_in_the_address() -> None:
    body = b'{"property": "value", "boolean": true}'
    query = "foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    # Vector of twilio-python, tests/unit/test_request_validator.py.
    request = replace(
        header(body, x_twilio_signature="a9nBmqA0ju/hNViExpshrM61xv4="),
        url=f"https://mycompany.com/myapp.php?{query}",
        query=query,
    )
    assert refusal(TWILIO, request, TWILIO_HELD) is None
    for changed in each_bit_flipped(body):
        assert refusal(TWILIO, replace(request, body=changed), TWILIO_HELD) == 403


def test_a_standard_webhook_may_list_signatures_of_other_keys_and_versions() -> None:
    [_, right] = STANDARD_VECTOR.headers["webhook-signature"].split(",")
    listed = {**STANDARD_VECTOR.headers, "webhook-signature": f"v9,xx v1,AAAA v1a,{right} v1,{right}"}
    assert refusal(STANDARD, replace(STANDARD_VECTOR, headers=listed), STANDARD_HELD) is None
    listed["webhook-signature"] = f"v2,{right} {right} v1,{right}x"
    assert refusal(STANDARD, replace(STANDARD_VECTOR, headers=listed), STANDARD_HELD) == 403


def test_an_old_standard_webhook_is_a_replay() -> None:
    for moment in (1614265330 + 301, 1614265330 - 301):
        late = replace(STANDARD_VECTOR, at=datetime.fromtimestamp(moment, UTC))
        assert refusal(STANDARD, late, STANDARD_HELD) == 403


def test_a_standard_webhook_with_a_public_key() -> None:
    key = SigningKey(b"\7" * 32)
    content = b'msg_1.1614265330.{"a": 1}'
    made = base64.b64encode(key.sign(content).signature).decode()
    secrets = held("whpk_" + base64.b64encode(bytes(key.verify_key)).decode())
    request = replace(
        header(
            b'{"a": 1}',
            webhook_id="msg_1",
            webhook_timestamp="1614265330",
            webhook_signature=f"v1a,{made}",
        ),
        at=STANDARD_VECTOR.at,
    )
    assert refusal(STANDARD, request, secrets) is None
    for body in each_bit_flipped(request.body):
        assert refusal(STANDARD, replace(request, body=body), secrets) == 403


def test_ecdsa_over_time_and_body() -> None:
    key = ec.derive_private_key(20260115, ec.SECP256R1())
    public = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    proof = asked("ecdsa", at="header:x-sig", times="header:x-time", signs="{header:x-time}{body}")
    moment = str(int(AT.timestamp()))
    made = base64.b64encode(key.sign(moment.encode() + b"body", ec.ECDSA(SHA256()))).decode()
    request = header(b"body", x_sig=made, x_time=moment)
    assert refusal(proof, request, held(public.decode())) is None
    assert refusal(proof, replace(request, body=b"bodi"), held(public.decode())) == 403
    assert refusal(proof, request, held("no key")) == 403
    later = str(int(AT.timestamp()) + 1)
    changed = replace(request, headers={**request.headers, "x-time": later})
    assert refusal(proof, changed, held(public.decode())) == 403
