"""The `leadwire` command. Everything heavy is imported by the command that needs it."""

import sys

import typer

from services.hub.commands import channel, dead, definitions, mailbox, ops, path, reader, token, up
from services.hub.errors import HubProblem

app = typer.Typer(
    name="leadwire",
    help="One hub for every enquiry: none lost, none done twice.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    # Without rich: it takes longer to import than the whole command takes to run.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (up, definitions, path, ops):
    for verb in room.COMMANDS:
        app.command()(verb)
app.add_typer(dead.app, name="dead")
app.add_typer(channel.app, name="channel")
app.add_typer(mailbox.app, name="mailbox")
app.add_typer(reader.app, name="reader")
app.add_typer(token.app, name="token")


def main() -> None:
    """Run one command; a known problem ends it with exit code 1 and its remedy."""
    try:
        app()
    except HubProblem as problem:
        print(f"leadwire: {problem.problem}\n  {problem.remedy}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)
