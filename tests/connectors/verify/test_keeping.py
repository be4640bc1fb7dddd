"""A secret that came in the body is not kept; all else is, byte for byte."""

import json

import pytest

from services.connectors.inlets.gate import delivery_of
from services.connectors.verify import Presented, Verification
from services.connectors.verify.keeping import kept_body
from tests.connectors.fixtures import AT
from tests.connectors.test_gate import channel

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PARTS = 'multipart/form-data; boundary="b"'


def kept(body: bytes, at: str = "field:key", kind: str = JSON, scheme: str = "shared_secret") -> bytes:
    proof = Verification.model_validate({"scheme": scheme, "at": at, "secret": "key"})
    return kept_body(proof, Presented("POST", body, AT, {"content-type": kind}))


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'{"a":1.50,\t"key" : "s3cret", "b":"s3cret"}', b'{"a":1.50,\t"key" : "", "b":"s3cret"}'),
        (b'{"key":"s3cret","key":"s3cret"}', b'{"key":"","key":""}'),
        (b'{"key": 12345678901234567890, "n": 7}', b'{"key": "", "n": 7}'),
        (b'{"key":"a\\"b","b":[1,2 ]}', b'{"key":"","b":[1,2 ]}'),
        (b'{"k\\u0065y":"s\\u0033cret"}', b'{"k\\u0065y":""}'),
        ('{"key":"пароль","b":"ё"}'.encode(), '{"key":"","b":"ё"}'.encode()),
        ('{"key":"s3cret","b":"ё"}'.encode("utf-16"), '{"key":"","b":"ё"}'.encode("utf-16")),
        (b'{"b":"key","c":"x"}', b'{"b":"key","c":"x"}'),
        (b'{"key":', b'{"key":'),
        (b"\xff\xfe\x00", b"\xff\xfe\x00"),
    ],
)
def test_in_json(body: bytes, left: bytes) -> None:
    assert kept(body) == left


def test_in_nested_json() -> None:
    body = b'{"auth":{"key":"s3cret"},"x":[{"y":"s3cret"}]}'
    assert kept(body, "field:auth.key") == b'{"auth":{"key":""},"x":[{"y":"s3cret"}]}'


def test_in_forms() -> None:
    assert kept(b"a=%20+&key=s3%63ret&b", kind=FORM) == b"a=%20+&key=&b"
    assert kept(b"x[key]=s3cret&a=1", "field:x.key", FORM) == b"x[key]=&a=1"
    head = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    whole = head % (b"a", b"s3cret") + head % (b"key", b"s3cret") + b"--b--\r\n"
    left = head % (b"a", b"s3cret") + head % (b"key", b"") + b"--b--\r\n"
    assert kept(whole, kind=PARTS) == left


def test_a_signature_stays_and_so_does_a_secret_elsewhere() -> None:
    assert kept(b'{"key":"abc"}', scheme="digest") == b'{"key":"abc"}'
    assert kept(b'{"key":"abc"}', at="header:key") == b'{"key":"abc"}'


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (b'{"hook":"https://hub/in/x/SECRET","n":1}', b'{"hook":"https://hub/in/x/","n":1}'),
        (b'{"key":"a-word"}', b'{"key":"a-word"}'),
    ],
)
@pytest.mark.parametrize("at", ["path", "query:token"])
def test_a_secret_of_the_address_goes_wherever_it_is_repeated(at: str, body: bytes, left: bytes) -> None:
    secret = "f2c9-long-enough-3b"
    assert _from_address(at, secret, body.replace(b"SECRET", secret.encode())) == left
    number = b'{"id":%s,"n":9%s}' % (b"1" * 20, b"1" * 20)
    assert _from_address(at, "1" * 20, number) == b'{"id":0,"n":9%s}' % (b"1" * 20)
    assert _from_address(at, "a-word", body) == body


def _from_address(at: str, secret: str, body: bytes) -> bytes:
    proof = Verification.model_validate({"scheme": "shared_secret", "at": at, "secret": "key"})
    request = Presented("POST", body, AT, {}, query=f"token={secret}", path=f"{secret}/call")
    return kept_body(proof, request)


def test_the_delivery_is_known_by_what_is_kept_of_it() -> None:
    shop = channel()  # its secret stands in the field `secret`
    headers = {"content-type": JSON}
    one, two = (
        delivery_of(shop, Presented("POST", json.dumps({"secret": secret, "n": 1}).encode(), AT, headers))
        for secret in ("old-secret", "new-secret")
    )
    assert one.id == two.id
    assert json.loads(one.body) == {"secret": "", "n": 1}
