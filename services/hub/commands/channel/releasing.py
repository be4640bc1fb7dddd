"""`leadwire channel release`: publish what a channel's guard set aside."""

import json
from typing import Annotated
from urllib.parse import quote

import typer

from services.hub.errors import HubProblem


def release(
    channel: Annotated[str, typer.Argument(help="The channel whose guard set them aside.")],
    delivery: Annotated[
        str | None, typer.Argument(help="The delivery, as `leadwire channel watch` shows it.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are set aside now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
) -> None:
    """Parse and publish what the guard set aside."""
    from services.hub import client

    if (delivery is None) != everything:
        raise HubProblem(
            "Name one delivery, or --all of them.",
            f"`leadwire channel watch {channel}` shows which are quarantined.",
        )
    wanted = {"delivery": delivery}
    done = client.post(f"/api/connectors/channels/{quote(channel, safe='')}/release", wanted, timeout=600)
    if as_json:
        print(json.dumps(done))
    else:
        print(", ".join(f"{name}: {count}" for name, count in done.items()))
