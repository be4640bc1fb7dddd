"""`leadwire mailbox list | show`: the letters that the built-in catcher holds."""

import json
from typing import Annotated
from urllib.parse import quote

import typer

app = typer.Typer(help="Letters caught instead of sent on.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, max=500, help="Most letters.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest letters."""
    from services.hub import client

    letters = client.get("/api/hub/mailbox", limit=limit)["letters"]
    if as_json:
        print(json.dumps(letters))
        return
    if not letters:
        print("No letters yet.")
        return
    from services.hub.commands.terminal import print_table

    rows = [(str(one["name"]), str(one["recipient"]), str(one["subject"])) for one in letters]
    print_table(("letter", "to", "subject"), rows)


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="The name that the list shows; the newest if left out.")] = "",
    raw: Annotated[bool, typer.Option(help="All of it, as it came.")] = False,
) -> None:
    """Show one letter."""
    from services.hub import client
    from services.hub.errors import HubProblem

    if not letter:
        newest = client.get("/api/hub/mailbox", limit=1)["letters"]
        if not newest:
            raise HubProblem("There is no letter yet.", "Send an enquiry first.")
        letter = newest[0]["name"]
    found = client.get(f"/api/hub/mailbox/{quote(letter, safe='')}")
    if raw:
        print(found["raw"])
        return
    for name, value in found["headers"]:
        print(f"{name}: {value}")
    print(f"\n{found['text']}")
