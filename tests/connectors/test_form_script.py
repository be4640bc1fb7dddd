"""The drop-in script for forms, run by a real engine against a page made of stand-ins."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from py_mini_racer import MiniRacer

from services.connectors.definitions import channel_of
from services.connectors.domain import Delivery
from services.connectors.inlets import script
from services.connectors.usecases.outcome import outcome_of
from tests.connectors.fixtures import AT

PAGE = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
HREF = "https://school.example/courses?utm_source=ads&utm_term=a%20b&x=1#top"
FIELDS = {"your-name": "Anna", "tel": "123"}
URLENCODED = "application/x-www-form-urlencoded"


class Visit:
    """A page with one form, opened in the engine."""

    def __init__(self, *, fields: dict[str, str] = FIELDS, href: str = HREF, **page: Any) -> None:
        attributes = {"data-leadwire": "main-site", **page.pop("attributes", {})}
        self._engine = MiniRacer()
        self._engine.eval(PAGE)
        self._call("open", {"href": href, "fields": fields, "attributes": attributes, **page})
        self._engine.eval(script.served("GET", {}).body.decode())

    def _call(self, name: str, *given: Any) -> Any:
        return self._engine.eval(f"{name}({', '.join(map(json.dumps, given))})")

    def answers(self, status: int, told: dict[str, Any] | None = None) -> None:
        """What the network says to the next request; without any it is away."""
        self._engine.eval(f"replies.push({json.dumps({'status': status, 'told': told})})")

    def fill(self, name: str, value: str) -> None:
        self._call("fill", name, value)

    def press(self) -> dict[str, Any]:
        """Press the button; what is to be seen when all is done."""
        assert self._call("press") is True
        for _ in range(10):  # promises are kept between two evaluations
            self._engine.eval("0")
        return self.seen()

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(str(self._call("seen")))
        return found


def told_in(request: dict[str, Any]) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(request["address"]).query))


def test_a_form_is_sent_and_the_visitor_is_thanked() -> None:
    visit = Visit(referrer="https://search.example/?q=1")
    visit.answers(200, {"status": "received", "message": "Thanks!"})
    seen = visit.press()
    [request] = seen["sent"]
    assert (request["method"], request["body"]) == ("POST", "your-name=Anna&tel=123")
    assert request["headers"] == {"Accept": "application/json"}
    assert request["address"].startswith("https://hub.example/in/main-site?")
    assert told_in(request) == {
        "leadwire_seconds": "0",
        "page": "https://school.example/courses?utm_source=ads&utm_term=a%20b&x=1",
        "utm_source": "ads",
        "utm_term": "a b",
        "referrer": "https://search.example/?q=1",
        "landing_page": "https://school.example/courses?utm_source=ads&utm_term=a%20b&x=1",
    }
    assert (seen["state"], seen["said"]) == ("sent", "Thanks!")
    assert seen["events"] == ["leadwire:sending", "leadwire:sent"]
    assert seen["fields"]["your-name"] == ""


def test_what_it_sends_is_what_the_channel_reads() -> None:
    visit = Visit(fields={**FIELDS, "note": "ё & =", "tags[]": "a"})
    visit.answers(200, {})
    [request] = visit.press()["sent"]
    channel = channel_of("main-site", {"kind": "form", "mapping": {"name": "your-name", "phone": "tel"}})
    query = urlsplit(request["address"]).query
    body = request["body"].encode()
    delivery = Delivery("main-site", "form", body, AT, {"content-type": URLENCODED}, query)
    assert outcome_of(channel, delivery).guarded().reason.startswith("it was sent less than 2 seconds")
    [found] = outcome_of(channel, delivery).found
    assert found.fact.sender.name == "Anna"
    assert found.fact.fields == {
        "note": "ё & =",
        "tags": "a",
        "utm_source": "ads",
        "utm_term": "a b",
        "page": HREF.partition("#")[0],
        "landing_page": HREF.partition("#")[0],
    }


@pytest.mark.parametrize(("status", "said"), [(503, "could not be"), (429, "Too many"), (0, "could not")])
def test_what_was_written_stays_when_it_is_not_taken(status: int, said: str) -> None:
    visit = Visit()
    if status:
        visit.answers(status)
    seen = visit.press()
    assert said in seen["said"]
    assert (seen["state"], seen["fields"]["your-name"]) == ("failed", "Anna")
    visit.answers(200)
    seen = visit.press()
    assert seen["state"] == "sent"
    first, second = seen["sent"]
    assert first["body"] == second["body"]


def test_pressing_twice_sends_once() -> None:
    visit = Visit()
    visit.answers(200)
    engine = visit._engine
    assert engine.eval("press() && press()") is True
    assert len(visit.seen()["sent"]) == 1


def test_the_hidden_field_is_sent_only_by_who_fills_it_in() -> None:
    visit = Visit()
    visit.fill("leadwire_website", "https://spam.example")
    visit.answers(200)
    assert visit.press()["sent"][0]["body"].endswith("&leadwire_website=https%3A%2F%2Fspam.example")


def test_json_an_address_and_words_of_its_own() -> None:
    attributes = {
        "data-json": "",
        "action": "https://hub.example/in/main-site?a=1",
        "data-redirect": "/thanks",
        "data-sent": "Danke",
    }
    visit = Visit(attributes=attributes, lang="ru-RU")
    visit.answers(200, {"redirect": "https://school.example/other"})
    seen = visit.press()
    [request] = seen["sent"]
    assert json.loads(request["body"]) == FIELDS
    assert request["headers"]["Content-Type"] == "application/json"
    assert request["address"].startswith("https://hub.example/in/main-site?a=1&leadwire_seconds=")
    assert (seen["went"], seen["said"]) == ("/thanks", "Danke")


def test_a_browser_that_keeps_nothing_and_a_page_in_russian() -> None:
    visit = Visit(forbidden=True, lang="ru")
    seen = visit.press()
    assert "Не удалось" in seen["said"]
    assert told_in(seen["sent"][0])["utm_source"] == "ads"


def test_the_script_is_small_and_served_as_it_is_kept() -> None:
    answer = script.served("GET", {})
    assert len(answer.body) <= 6_000
    assert answer.headers["content-type"].startswith("text/javascript")
    tag = answer.headers["etag"]
    for known in (tag, f'"x", W/{tag}', "*"):
        again = script.served("GET", {"if-none-match": known})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert script.served("GET", {"if-none-match": '"x"'}).status == 200
    assert script.served("POST", {}).headers["allow"] == "GET, HEAD"
