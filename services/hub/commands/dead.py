"""`leadwire dead list | show | redrive | discard`: what could not be handled, over all services."""

import json
from typing import Annotated, Any

import typer

from services.hub.errors import HubProblem

app = typer.Typer(help="What is parked because it could not be handled.", no_args_is_help=True)
SERVICES = ("connectors", "leads", "deals", "notifications")

Id = Annotated[str, typer.Argument(metavar="SERVICE/ID", help="As listed, such as leads/12.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """List what is parked, oldest first."""
    from services.hub import client

    rows = [
        {"id": f"{service}/{row['id']}", "service": service, **{k: row[k] for k in row if k != "id"}}
        for service in SERVICES
        for row in _items(client.get(f"/api/{service}/dead"))
    ]
    rows.sort(key=lambda row: str(row["parked_at"]))
    if as_json:
        print(json.dumps(rows))
        return
    if not rows:
        print("Nothing is parked.")
        return
    from services.hub.commands.terminal import print_table

    heads = ("id", "since", "what", "recovery", "tries", "reason")
    columns = ("id", "parked_at", "type", "recovery", "attempts")
    print_table(heads, [(*(str(row[name]) for name in columns), _last_line(row["reason"])) for row in rows])


@app.command()
def show(item: Id, as_json: AsJson = False) -> None:
    """Show one: why it is parked, and what it says."""
    from services.hub import client

    row = client.get(_path(item))
    if as_json:
        print(json.dumps(row))
        return
    for name, value in row.items():
        print(f"{name}: {value if isinstance(value, str) else json.dumps(value, indent=2)}")


@app.command()
def redrive(item: Id) -> None:
    """Handle it again now; what waits behind it follows in order."""
    from services.hub import client

    answer = client.post(f"{_path(item)}/redrive")
    print(_told(answer, f"{item} is handled again."))


@app.command()
def discard(item: Id, reason: Annotated[str, typer.Option(help="Why; kept in the journal.")]) -> None:
    """Give it up for good; what waits behind it follows in order."""
    from services.hub import client

    answer = client.post(f"{_path(item)}/discard", {"reason": reason})
    print(_told(answer, f"{item} is discarded."))


def _path(item: str) -> str:
    service, _, number = item.partition("/")
    if service not in SERVICES or not number.isdigit():
        raise HubProblem(
            f'"{item}" is not an id of something parked.',
            "Write it as leadwire dead list shows it, such as leads/12.",
        )
    return f"/api/{service}/dead/{number}"


def _items(answer: Any) -> list[dict[str, Any]]:
    return list(answer["items"] if isinstance(answer, dict) else answer)


def _last_line(reason: str) -> str:
    return (reason.strip().splitlines() or [""])[-1]


def _told(answer: Any, usual: str) -> str:
    return str(answer.get("result") or usual) if isinstance(answer, dict) else usual
