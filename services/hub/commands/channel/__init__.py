"""`leadwire channel`: try, watch and make channels and their kinds."""

import typer

from services.hub.commands.channel import making, trying, watching

app = typer.Typer(help="Channels: the configured inlets, and their kinds.", no_args_is_help=True)
app.command("test")(trying.try_out)
app.command("watch")(watching.watch)
app.command("new")(making.new)
app.command("expect")(making.expect)
