"""`leadwire channel send`: a text through a channel, and what became of it."""

import json
import sys
import time
from typing import Annotated, Any

import typer

_PAUSE_SECONDS = 0.3
_OPEN = ("queued", "sending")


def send(
    channel: Annotated[str, typer.Argument(help="The channel it leaves through.")],
    to: Annotated[str, typer.Argument(help="The vendor's address: a chat, a user, a telephone number.")],
    text: Annotated[str, typer.Argument(help="What to send.")],
    reply_to: Annotated[str, typer.Option(help="The vendor's id of the message it answers.")] = "",
    message_id: Annotated[str, typer.Option(help="Your own UUID of it: the same one is sent once.")] = "",
    wait: Annotated[float, typer.Option(help="Seconds to wait for the outcome.")] = 15.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Send a text and wait for what becomes of it."""
    from services.hub import client

    wish = {"channel": channel, "to": to, "text": text}
    wish |= {name: value for name, value in (("reply_to", reply_to), ("message_id", message_id)) if value}
    told = client.post("/api/connectors/messages", wish)
    until = time.monotonic() + wait
    while told["state"] in _OPEN and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
        told = client.get(f"/api/connectors/messages/{told['message_id']}")
    print(json.dumps(told) if as_json else _line(told))
    sys.exit(0 if told["state"] in (*_OPEN, "sent") else 1)


def _line(told: dict[str, Any]) -> str:
    known = f" as {told['external_id']}" if told["external_id"] else ""
    why = ": ".join(filter(None, (told["code"], told["reason"])))
    return f"{told['message_id']}  {told['state']}{known}" + (f"  {why}" if why else "")
