"""A trace on a terminal: one line for each thing done, then where it waits or was parked."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from services.hub.commands.terminal import console

_NOTHING = (
    "Nothing is known under this name. leadwire trace takes the id that a vendor gave, a delivery, event, "
    "contact, lead or deal id, a phone, an email address or a Message-ID."
)
_TIME, _SERVICE = 12, 13


def show(found: dict[str, Any], out: Console | None = None) -> None:
    """Print the path of an enquiry, in this machine's time zone."""
    out = out or console()
    if not found["entries"] and not found["parked"]:
        out.print(_NOTHING)
    for line in _lines(found):
        out.print(line)
    for service in found["silent"]:
        out.print(Text(f"{service} did not answer within 1 s: its part is missing here.", style="yellow"))


def _lines(found: dict[str, Any]) -> Iterator[Text]:
    day = ""
    for entry in found["entries"]:
        at = _local(entry["at"])
        if f"{at:%F}" != day:
            day = f"{at:%F}"
            yield Text(f"{day} {at:%Z}", style="bold")
        yield _line(f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}", entry["service"], entry["did"])
    for timer in found["waiting"]:
        yield _line("", timer["service"], _waits(timer), "cyan")
    for row in found["parked"]:
        for text in _parked(row):
            yield _line("", row["service"], text, "red")


def _line(time: str, service: str, did: str, style: str = "") -> Text:
    return Text(f"{time:<{_TIME}}  {service:<{_SERVICE}}  {did}", style=style)


def _waits(timer: dict[str, Any]) -> str:
    zone = timer.get("zone") or "UTC"
    due = _local(timer["due_at"]).astimezone(ZoneInfo(zone))
    rule = f" ({timer['rule']})" if timer.get("rule") else ""
    return f"waits until {due:%F %H:%M} {zone} for {timer['kind'].replace('_', ' ')}{rule}"


def _parked(row: dict[str, Any]) -> Iterator[str]:
    reason = (row["reason"].strip().splitlines() or [""])[-1]
    item = f"{row['service']}/{row['id']}"
    yield f"parked as {item}: {reason}"
    match row["recovery"]:
        case "retry":
            yield (
                f"tried again at {_local(row['next_try']):%H:%M:%S}" if row.get("next_try") else "tried again"
            )
        case "behind":
            yield "waits behind an earlier one of the same key"
        case _:
            yield f"leadwire dead redrive {item}, or leadwire dead discard {item} --reason ..."


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()
