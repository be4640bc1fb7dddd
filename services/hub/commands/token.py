"""`leadwire token create`: bearer tokens for people and programs."""

from typing import Annotated

import typer

app = typer.Typer(help="Bearer tokens for the HTTP APIs.", no_args_is_help=True)


@app.callback()
def tokens() -> None:
    """Bearer tokens for the HTTP APIs."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Who will use it; shown wherever it is used.")],
    role: Annotated[
        list[str],
        typer.Option(help="admin, operator, marketing, sales or viewer; may be given again."),
    ],
) -> None:
    """Make a token and print it; it is shown this once."""
    from services.hub import client

    made = client.post("/api/hub/tokens", {"name": name, "roles": role})
    print(made["token"])
