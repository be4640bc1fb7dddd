import json

import pytest

from services.connectors.errors import Unreadable
from services.connectors.reading.rawhttp import read_http
from services.connectors.trial import try_delivery
from services.runtime.definitions import DefinitionErrors
from tests.connectors.fixtures import AT


def test_a_bare_body_is_tried_as_the_kind_expects_it() -> None:
    trial = try_delivery("form", {}, b"name=Anna&phone=1", "body", at=AT)
    assert (trial.verdict, trial.event) == ("accepted", "submission")
    assert trial.events[0]["sender"]["name"] == "Anna"
    assert trial.answer.status == 200


def test_a_mapping_and_secrets_may_be_given() -> None:
    trial = try_delivery(
        "form", {}, b'{"n": "Anna"}', "json", mapping={"name": "n"}, title="T", name="site", at=AT
    )
    assert trial.events[0]["sender"]["name"] == "Anna"
    assert trial.events[0]["title"] == "T"
    assert trial.events[0]["channel"] == "site"


def test_the_same_trial_gives_the_same_result() -> None:
    first = try_delivery("form", {}, b"phone=1", "body", at=AT)
    assert try_delivery("form", {}, b"phone=1", "body", at=AT) == first
    json.dumps(first.events)


def test_a_wrong_secret_is_rejected_with_the_answer_the_vendor_gets() -> None:
    raw = b"POST /in/x HTTP/1.1\nX-Telegram-Bot-Api-Secret-Token: no\n\n{}"
    trial = try_delivery("telegram", {"secret": "${S}"}, raw, "http", secrets={"S": "yes"}, at=AT)
    assert (trial.verdict, trial.answer.status) == ("rejected", 403)
    assert b"yes" not in trial.answer.body


def test_a_mail_is_answered_with_250() -> None:
    trial = try_delivery("smtp", {"addresses": ["a@b.org"]}, b"From: x@y.org\n\nhi", "eml", at=AT)
    assert (trial.verdict, trial.answer.status) == ("accepted", 250)


def test_wrong_settings_are_told() -> None:
    with pytest.raises(DefinitionErrors):
        try_delivery("telegram", {}, b"{}", "json")


def test_what_is_no_request_is_rejected() -> None:
    assert try_delivery("form", {}, b"hello", "http", at=AT).verdict == "rejected"
    assert try_delivery("form", {}, b"", "http", at=AT).verdict == "rejected"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_recorded_request_is_read_with_either_line_end(end: bytes) -> None:
    lines = [
        b"# a comment",
        b"POST /in/x?a=1 HTTP/1.1",
        b"Content-Type: text/x",
        b"X-A:  b ",
        b"",
        b"body",
        b"two",
        b"",
    ]
    request = read_http(end.join(lines))
    assert (request.method, request.path, request.query) == ("POST", "/in/x", "a=1")
    assert request.headers == {"content-type": "text/x", "x-a": "b"}
    assert request.body == b"body" + end + b"two"


def test_a_content_length_ends_the_body() -> None:
    assert read_http(b"POST / HTTP/1.1\nContent-Length: 3\n\nabcdef\n").body == b"abc"


def test_a_line_that_is_no_header_is_unreadable() -> None:
    for raw in (b"POST / HTTP/1.1\nnonsense\n\n", b"", b"\n\n", b"12 34\n\n"):
        with pytest.raises(Unreadable):
            read_http(raw)
