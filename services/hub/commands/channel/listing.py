"""`leadwire channel list`: every channel, where it takes deliveries, and how its driver stands."""

import json
from typing import Annotated, Any

import typer


def show(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Show every channel and how it stands."""
    from services.hub import client

    channels = client.get("/api/connectors/channels")
    if as_json:
        print(json.dumps(channels))
        return
    width = max((len(channel["name"]) for channel in channels), default=0)
    for channel in channels:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(channel["deliveries"].items()))
        told = [f"{channel['kind']} at {channel['inlet']}", standing_of(channel), counts]
        print(f"{channel['name']:<{width}}  " + "  ·  ".join(filter(None, told)))


def standing_of(channel: dict[str, Any]) -> str:
    """How it stands, in one line; empty where there is nothing to tell."""
    if not channel["open"]:
        return "closed: a secret it needs has no value"
    driver = channel.get("driver")
    if driver is None:
        return ""
    since = f" since {driver['since'][:19].replace('T', ' ')}" if driver["since"] else ""
    trouble = f": {driver['trouble']}" if driver["trouble"] else ""
    return f"{driver['state']}{since}{trouble}"
