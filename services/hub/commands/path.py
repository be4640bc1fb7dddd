"""`leadwire publish | trace | replay`: an enquiry on its way, before and after."""

import base64
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from services.hub.errors import HubProblem

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
_TYPES = {".json": "application/json", ".eml": "message/rfc822"}


def publish(
    channel: Annotated[str, typer.Argument(help="The channel to hand it over to.")],
    file: Annotated[str, typer.Argument(help="The delivery; - reads it from standard input.")],
    content_type: Annotated[
        str | None, typer.Option(help="What the bytes are; by the file's ending if left out.")
    ] = None,
) -> None:
    """Hand a delivery over as its channel would."""
    from services.hub import client

    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as problem:
        raise HubProblem(f"{file} cannot be read: {problem.strerror}.", "Check its path.") from None
    wanted = {
        "channel": channel,
        "body": base64.b64encode(body).decode(),
        "content_type": content_type or _TYPES.get(Path(file).suffix),
    }
    print(client.post("/api/hub/publish", wanted)["delivery"])


def trace(
    name: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A vendor's id, delivery, event, contact, lead or deal id, phone, email, Message-ID.",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show the whole way of an enquiry, and where it waits."""
    from services.hub import client

    found = client.get(f"/api/hub/trace/{quote(name, safe='')}")
    if as_json:
        print(json.dumps(found))
        return
    from services.hub.commands.trace_view import show

    show(found)
    if not found["entries"] and not found["parked"]:
        sys.exit(1)


def replay(
    channel: Annotated[str, typer.Argument(help="The channel whose deliveries are parsed again.")],
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
            help="Received since then, UTC; a day ago if left out.",
        ),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed/--all", help="Only those that could not be parsed, or all.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Parse kept deliveries again, as after a fix."""
    from services.hub import client

    moment = since.replace(tzinfo=UTC).isoformat() if since else None
    wanted = {"since": moment, "only_failed": failed}
    done = client.post(f"/api/connectors/channels/{quote(channel, safe='')}/replay", wanted, timeout=600)
    if as_json:
        print(json.dumps(done))
    else:
        print(", ".join(f"{name.replace('_', ' ')}: {count}" for name, count in done.items()))


COMMANDS = (publish, trace, replay)
