"""`leadwire reader list | skip`: how far each service has read, and past what it cannot read any more."""

import json
from typing import Annotated

import typer

from services.hub.commands.dead import SERVICES

app = typer.Typer(help="The readers of every service.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List how far each stream is read."""
    from services.hub import client

    rows = [
        {"service": service, **row} for service in SERVICES for row in client.get(f"/api/{service}/readers")
    ]
    if as_json:
        print(json.dumps(rows))
        return
    from services.hub.commands.terminal import print_table

    heads = ("service", "stream", "position", "last", "problem")
    print_table(
        heads, [tuple(str(row[name] if row[name] is not None else "") for name in heads) for row in rows]
    )


@app.command()
def skip(
    service: Annotated[str, typer.Argument(help="Such as leads.")],
    stream: Annotated[str, typer.Argument(help="Such as CRM_CONNECTORS.")],
    to: Annotated[int, typer.Option(min=0, help="The last sequence to pass over.")],
    reason: Annotated[str, typer.Option(help="Why; kept in the journal.")],
) -> None:
    """Let a reader that refuses to go on pass over what its stream no longer holds."""
    from services.hub import client

    answer = client.post(f"/api/{service}/readers/{stream}/skip", {"to": to, "reason": reason})
    print(f"{service} stood at {answer['stood']} in {stream} and goes on behind {answer['stands']}.")


@app.command()
def refill(
    service: Annotated[str, typer.Argument(help="Who published what was lost, such as leads.")],
    since: Annotated[str, typer.Option(help="From when on, such as 2026-05-01T12:00:00Z.")],
) -> None:
    """Publish again what a stream has lost, from the outbox; nobody does anything twice."""
    from services.hub import client

    answer = client.post(f"/api/{service}/outbox/publish-again", {"since": since})
    print(f"{service} publishes {answer['facts']} facts again.")
