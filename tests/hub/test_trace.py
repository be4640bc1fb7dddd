from collections.abc import Mapping
from typing import Any

from services.hub.topology import SERVICES
from services.hub.trace import trace
from services.runtime.bus import Unanswered

Answers = dict[str, dict[str, Any]]


def entry(service: str, second: int, correlation: str, *names: str) -> dict[str, Any]:
    at = f"2026-01-01T00:00:{second:02d}+00:00"
    return {
        "service": service,
        "at": at,
        "correlation": correlation,
        "event_id": "e",
        "did": f"{second}",
        "names": list(names),
    }


class FakeBus:
    """Services that know lines of a journal, and other names of things."""

    def __init__(
        self, lines: list[dict[str, Any]], aliases: Mapping[str, set[str]] = {}, silent: str = ""
    ) -> None:
        self.lines = lines
        self.aliases = aliases
        self.silent = silent
        self.asked: list[str] = []

    async def request(self, subject: str, payload: Mapping[str, Any], timeout: float = 2.0) -> dict[str, Any]:
        service = subject.split(".")[1]
        self.asked.append(service)
        if service == self.silent:
            raise Unanswered(subject)
        own = [line for line in self.lines if line["service"] == service]
        if "resolve" in payload:
            names = set(payload["resolve"])
            if service == "leads":
                for name in payload["resolve"]:
                    names |= self.aliases.get(name, set())
            found = {line["correlation"] for line in own if names & {*line["names"], line["correlation"]}}
            return {"names": sorted(names), "correlations": sorted(found)}
        rows = [line for line in own if line["correlation"] in payload["correlations"]]
        return {"entries": rows, "parked": [], "timers": []}


def did(lines: list[dict[str, Any]]) -> list[str]:
    return [line["did"] for line in lines]


async def test_a_name_leads_to_the_lines_of_all_services_in_order_of_time() -> None:
    bus = FakeBus(
        [
            entry("deals", 3, "d1", "deal"),
            entry("connectors", 1, "d1", "vendor-7"),
            entry("leads", 2, "d1", "contact"),
        ]
    )
    found = await trace(bus, "vendor-7")
    assert did(found.entries) == ["1", "2", "3"]
    assert found.correlations == ["d1"]
    assert found.silent == []


async def test_names_are_followed_until_none_is_new() -> None:
    bus = FakeBus(
        [entry("deals", 1, "d1", "deal")], {"+44 1": {"contact"}, "contact": {"lead"}, "lead": {"deal"}}
    )
    assert did((await trace(bus, "+44 1")).entries) == ["1"]


async def test_names_that_never_end_are_given_up_after_a_few_rounds() -> None:
    bus = FakeBus([], {str(n): {str(n + 1)} for n in range(100)})
    await trace(bus, "0")
    assert len(bus.asked) <= 4 * len(SERVICES)


async def test_a_delivery_that_joined_later_belongs_to_the_story_and_another_enquiry_does_not() -> None:
    bus = FakeBus(
        [
            entry("connectors", 1, "d1", "d1"),
            entry("leads", 2, "d1", "contact"),
            entry("connectors", 3, "d2", "d2"),
            entry("leads", 4, "d1", "contact", "d2"),
            entry("connectors", 5, "d3", "d3"),
            entry("leads", 6, "d3", "contact"),
        ]
    )
    assert did((await trace(bus, "d1")).entries) == ["1", "2", "3", "4"]
    assert did((await trace(bus, "d2")).entries) == ["1", "2", "3", "4"]
    assert did((await trace(bus, "contact")).entries) == ["1", "2", "3", "4", "5", "6"]


async def test_a_message_id_is_found_with_and_without_its_brackets() -> None:
    bus = FakeBus([entry("connectors", 1, "d1", "a@b")])
    assert did((await trace(bus, "<a@b>")).entries) == did((await trace(bus, " a@b ")).entries) == ["1"]


async def test_a_silent_service_is_named_and_not_asked_again() -> None:
    bus = FakeBus([entry("connectors", 1, "d1", "x")], silent="deals")
    found = await trace(bus, "x")
    assert found.silent == ["deals"]
    assert did(found.entries) == ["1"]
    assert bus.asked.count("deals") == 1


async def test_an_unknown_name_has_an_empty_path() -> None:
    found = await trace(FakeBus([]), "nobody")
    assert (found.entries, found.parked, found.waiting, found.silent) == ([], [], [], [])
