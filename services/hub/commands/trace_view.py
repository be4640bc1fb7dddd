"""A trace on a terminal: one line for each thing done, then where it waits or was parked."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

Rows = list[dict[str, Any]]


def show(found: dict[str, Any], console: Console | None = None) -> None:
    """Print the path of an enquiry, in this machine's time zone."""
    console = console or Console(highlight=False, soft_wrap=True)
    if not found["entries"] and not found["parked"]:
        console.print(
            "Nothing is known under this name. leadwire trace takes the id that a vendor gave, a delivery, "
            "event, contact, lead or deal id, a phone, an email address or a Message-ID."
        )
    else:
        console.print(_table(found))
    for service in found["silent"]:
        console.print(f"{service} did not answer within 1 s: its part is missing here.", style="yellow")


def _table(found: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    day = ""
    for entry in found["entries"]:
        at = _local(entry["at"])
        if at.strftime("%F") != day:
            day = at.strftime("%F")
            table.add_row(Text(f"{day} {at:%Z}", style="bold"))
        table.add_row(f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}", entry["service"], Text(entry["did"]))
    for timer in found["waiting"]:
        table.add_row("", timer["service"], Text(_waits(timer), style="cyan"))
    for row in found["parked"]:
        table.add_row("", row["service"], Text(_parked(row), style="red"))
    return table


def _waits(timer: dict[str, Any]) -> str:
    due = _local(timer["due_at"])
    zone = timer.get("zone") or "UTC"
    there = due.astimezone(ZoneInfo(zone))
    rule = f", from the rule {timer['rule']}" if timer.get("rule") else ""
    return f"waits until {there:%F %H:%M} {zone}: {timer['kind']}{rule}"


def _parked(row: dict[str, Any]) -> str:
    reason = (row["reason"].strip().splitlines() or [""])[-1]
    item = f"{row['service']}/{row['id']}"
    after = {
        "retry": f"tried again at {_local(row['next_try']):%H:%M:%S}" if row.get("next_try") else "",
        "behind": "waits behind an earlier one of the same key",
        "person": f"leadwire dead redrive {item}, or dead discard {item} --reason ...",
    }.get(row["recovery"], "")
    return f"parked as {item}: {reason}\n  {after}"


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()
