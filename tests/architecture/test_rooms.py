"""Every service has the same rooms, so that a reader always knows the door."""

from pathlib import Path

import pytest

from tests.architecture.source import ROOT, SERVICES

ROOMS = {
    *("__init__", "__main__", "app", "settings", "domain", "usecases", "handlers", "api", "store"),
    *("definitions", "errors", "migrations"),
}
# Rooms that one service has beyond the others, with what they are for.
FURTHER: dict[str, dict[str, str]] = {
    "connectors": {
        "catalog": "one folder for each kind of channel",
        "drivers": "how we fetch or listen where a vendor does not call us",
        "outside": "where we are the ones who call a vendor",
        "sending": "messages that leave through channels",
        "files": "attachments and recordings: fetched, kept, handed out",
        "inlets": "where deliveries are handed over: HTTP, SMTP, and the way into the bus",
        "reading": "what kinds share when they read a delivery",
        "verify": "stock schemes by which a sender proves who it is",
        "kit": "what people who write kinds work with: recordings, maturity, the start of a kind",
        "trial": "what would become of a delivery, without a hub",
    },
    "leads": {"live": "who is calling now, for people who look on"},
    "notifications": {
        "content": "letters from templates",
        "delivery": "handing letters to a mail server",
        "desk": "the courier's questions and notes, each one unit of work",
    },
}
SECTIONS = ("## Owns", "## Consumes", "## Emits", "## Settings")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_no_room_that_nobody_expects(service: str) -> None:
    known = ROOMS | FURTHER.get(service, {}).keys()
    entries = [entry for entry in (ROOT / "services" / service).iterdir() if entry.name != "__pycache__"]
    strange = [
        f"{entry.relative_to(ROOT)}: put it into one of {sorted(known)}, or name its purpose in FURTHER"
        for entry in entries
        if entry.name != "README.md" and entry.stem not in known
    ]
    assert not strange, "\n".join(strange)


@pytest.mark.parametrize("service", SERVICES)
def test_no_further_room_is_promised_that_does_not_exist(service: str) -> None:
    names = {entry.stem for entry in (ROOT / "services" / service).iterdir()}
    assert FURTHER.get(service, {}).keys() <= names, "take it out of FURTHER"


@pytest.mark.parametrize("service", SERVICES)
def test_a_room_is_a_file_or_a_folder_and_not_both(service: str) -> None:
    names = [entry.stem for entry in (ROOT / "services" / service).iterdir() if entry.name != "__pycache__"]
    assert len(names) == len(set(names)), f"services/{service}: move the file into the folder of its name"


@pytest.mark.parametrize("service", [*SERVICES, "hub", "runtime"])
def test_a_service_says_what_it_owns_takes_and_gives(service: str) -> None:
    readme = Path("services") / service / "README.md"
    assert (ROOT / readme).is_file(), f"{readme} is missing: write {', '.join(SECTIONS)}"
    wanted = SECTIONS if service in SERVICES else ("# ",)
    text = (ROOT / readme).read_text("utf-8")
    missing = [section for section in wanted if f"\n{section}" not in f"\n{text}"]
    assert not missing, f"{readme} lacks {', '.join(missing)}"
