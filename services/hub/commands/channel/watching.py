"""`leadwire channel watch`: deliveries of a channel as they come, with their verdicts."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from services.hub.commands.channel.listing import standing_of

_PAUSE_SECONDS = 1.0
_PAGE = 50


def watch(
    channel: Annotated[str, typer.Argument(help="The channel to watch.")],
    stop_after: Annotated[int, typer.Option(help="Stop after so many; 0 goes on until Ctrl-C.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Show deliveries as they come, with their verdicts."""
    shown = 0
    if not as_json and (standing := _standing(channel)):
        print(f"# {standing}", flush=True)
    try:
        for row in _arrivals(channel):
            print(json.dumps(row) if as_json else _line(row), flush=True)
            shown += 1
            if shown == stop_after:
                return
    except KeyboardInterrupt:
        return


def _standing(channel: str) -> str:
    from services.hub import client

    found = [one for one in client.get("/api/connectors/channels") if one["name"] == channel]
    return standing_of(found[0]) if found else ""


def _arrivals(channel: str) -> Iterator[dict[str, Any]]:
    """What comes from now on, the last few before it first; once for each arrival and each verdict."""
    from services.hub import client

    seen: dict[str, tuple[Any, ...]] = {}
    while True:
        rows = client.get("/api/connectors/deliveries", channel=channel, limit=_PAGE)
        for row in reversed(rows):
            state = (row["last_received_at"], row["times"], row["verdict"], row["reason"])
            if seen.get(row["id"]) != state:
                seen[row["id"]] = state
                yield row
        time.sleep(_PAUSE_SECONDS)


def _line(row: dict[str, Any]) -> str:
    again = f" x{row['times']}" if row["times"] > 1 else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    moment = row["last_received_at"][:19].replace("T", " ")
    return f"{moment}  {row['id']}  {row['size']:>7} B  {row['verdict']} ({row['event']}){again}{reason}"
