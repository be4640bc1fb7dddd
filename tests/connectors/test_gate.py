"""Handshakes, exact answers, and what of a request is kept, all as a manifest says."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from services.connectors.catalog.kinds import Kind
from services.connectors.catalog.manifest import Manifest
from services.connectors.definitions.channel import Channel
from services.connectors.domain import Settings
from services.connectors.errors import Refused
from services.connectors.inlets import answers
from services.connectors.inlets.gate import admit, delivery_of, opening
from services.connectors.verify import Presented
from tests.connectors.fixtures import AT

SECRET = {"type": "secret", "description": "x"}
PLAIN: dict[str, Any] = {
    "title": "T",
    "transport": "webhook",
    "medium": "chat",
    "example_type": "application/json",
    "verification": {"scheme": "shared_secret", "at": "field:secret", "secret": "secret"},
    "events": {"message": "accepted"},
    "settings": {
        "secret": SECRET,
        "verify_token": SECRET,
        "confirmation": {"type": "text", "description": "x"},
        "group": {"type": "text", "description": "x"},
    },
}
META = {
    "event": "subscribe",
    "method": "GET",
    "when": {"query:hub.mode": "subscribe", "query:hub.challenge": "*"},
    "proof": {"query:hub.verify_token": "verify_token"},
    "body": "{query:hub.challenge}",
}
VK = {
    "event": "confirmation",
    "when": {"field:type": "confirmation", "field:group_id": "{setting:group}"},
    "body": "{setting:confirmation}",
}
VIBER = {"event": "webhook", "when": {"field:event": "webhook"}, "verified": True, "status": 200}
START = {"event": "start", "when": {"field:event": "START"}, "store": True, "status": 204}


def channel(**more: Any) -> Channel:
    manifest = Manifest.model_validate({**PLAIN, **more})
    settings = Settings({"confirmation": "a1b2c3", "group": "77"})
    secrets = {"secret": (SecretStr("s"),), "verify_token": (SecretStr("tok"),)}
    return Channel("shop", Kind("test", manifest, Path()), settings, secrets)


def get(query: str) -> Presented:
    return Presented("GET", b"", AT, query=query)


def post(body: str, **more: Any) -> Presented:
    return Presented("POST", body.encode(), AT, {"content-type": "application/json"}, **more)


def refused(channel: Channel, request: Presented) -> int:
    with pytest.raises(Refused) as caught:
        admit(channel, request)
    return caught.value.status


def test_metas_challenge_is_answered_to_who_knows_the_token() -> None:
    shop = channel(replies=[META])
    request = get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=tok")
    reply = admit(shop, request)
    assert reply is not None
    assert not reply.store
    answer = answers.owing(reply, shop, request)
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    assert refused(shop, get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=no")) == 403
    assert refused(shop, get("hub.mode=subscribe&hub.challenge=1")) == 403
    assert refused(shop, get("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=tok")) == 405


def test_vks_confirmation_is_the_string_alone_for_its_own_group() -> None:
    shop = channel(replies=[VK])
    request = post('{"type": "confirmation", "group_id": 77}')
    reply = admit(shop, request)
    assert reply is not None
    assert answers.owing(reply, shop, request).body == b"a1b2c3"
    assert refused(shop, post('{"type": "confirmation", "group_id": 78}')) == 401


def test_a_handshake_may_need_the_proof_as_well() -> None:
    shop = channel(replies=[VIBER])
    assert admit(shop, post('{"event": "webhook", "secret": "s"}')) is not None
    assert refused(shop, post('{"event": "webhook"}')) == 401


def test_an_event_may_be_kept_and_answered_otherwise() -> None:
    shop = channel(replies=[START], answer={"body": "ok"})
    request = post('{"event": "START", "secret": "s"}')
    reply = admit(shop, request)
    assert reply is not None
    assert reply.store
    assert answers.stored(shop, request, "d", reply).status == 204
    assert answers.stored(shop, request, "d", None).body == b"ok"
    assert refused(shop, post('{"event": "START"}')) == 401


def test_options_may_be_a_handshake_and_is_else_a_browsers_question() -> None:
    asks = {"header:webhook-request-origin": "{setting:group}"}
    owed = {"event": "asked", "method": "OPTIONS", "when": asks, "headers": {"x-a": "{setting:group}"}}
    shop = channel(replies=[owed])
    request = Presented("OPTIONS", b"", AT, {"webhook-request-origin": "77"})
    reply = opening(shop, request)
    assert reply is not None
    assert answers.owing(reply, shop, request).headers["x-a"] == "77"
    browser = replace(request, headers={**request.headers, "access-control-request-method": "POST"})
    stranger = replace(request, headers={"webhook-request-origin": "78"})
    assert opening(shop, browser) is opening(shop, stranger) is opening(channel(), request) is None
    assert answers.preflight(shop, {}).headers["allow"] == "POST, OPTIONS"


def test_a_refusal_names_the_place_and_the_remedy_and_no_secret() -> None:
    shop = channel(replies=[META])
    wrong = replace(get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=to"))
    cases = (post("{}"), post('{"secret": "x"}'), wrong, get("a=1"))
    places = ("field:secret", "field:secret", "query:hub.verify_token", "method")
    for request, place in zip(cases, places, strict=True):
        with pytest.raises(Refused) as caught:
            admit(shop, request)
        told = json.loads(answers.refused(shop, {}, caught.value).body)
        assert told["field"] == place
        assert told["remedy"]
        assert "tok " not in told["detail"]
    late = answers.refused(shop, {}, Refused(429, "too many", after=7))
    assert (late.status, late.headers["retry-after"]) == (429, "7")


def test_an_answer_holds_exactly_what_the_manifest_says() -> None:
    owed = {
        "body": '<Response><Say>{setting:confirmation}</Say></Response>{"a": {b}}',
        "content_type": "text/xml",
        "headers": {"x-echo": "{query:a}"},
    }
    answer = answers.stored(channel(answer=owed), replace(post("{}"), query="a=1%0d%0aset-cookie:x"), "d")
    assert answer.body == b'<Response><Say>a1b2c3</Say></Response>{"a": {b}}'
    assert answer.headers["content-type"] == "text/xml"
    assert "\n" not in answer.headers["x-echo"]


def test_a_refusal_has_the_status_that_the_vendor_needs() -> None:
    shop = channel(answer={"instead": {"401": 406, "413": 200}})
    for ours, theirs in ((401, 406), (413, 200), (403, 403)):
        assert answers.refused(shop, {}, Refused(ours, "why")).status == theirs


def test_requests_without_a_body_are_told_apart_by_their_address() -> None:
    shop = channel(methods=["GET"], verification={"scheme": "none", "why": "test"})
    one, two = delivery_of(shop, get("id=1")), delivery_of(shop, get("id=2"))
    assert one.id != two.id
    assert one.id == delivery_of(shop, get("id=1")).id


def test_deliveries_of_one_body_are_told_apart_where_the_kind_says_so() -> None:
    shop = channel(distinct=["header:webhook-id"])
    first = replace(post("{}"), headers={"webhook-id": "1"})
    second = replace(post("{}"), headers={"webhook-id": "2"})
    assert delivery_of(shop, first).id != delivery_of(shop, second).id
    assert delivery_of(channel(), first).id == delivery_of(channel(), second).id


@pytest.mark.parametrize(
    "wrong",
    [
        {"replies": [{"event": "x", "when": {"cookie:a": "b"}}]},
        {"replies": [{"event": "x", "method": "OPTIONS", "when": {"query:a": "b"}, "store": True}]},
        {"replies": [{"event": "x", "when": {"query:a": "b"}, "proof": {"query:t": "confirmation"}}]},
        {"verification": {"scheme": "shared_secret", "at": "path", "secret": "other"}},
        {"framing": "tea-leaves"},
        {"events": {"a/b": "accepted"}},
        {"unknown": 1},
    ],
)
def test_a_manifest_that_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Manifest.model_validate({**PLAIN, **wrong})
