"""`leadwire channel`: list, try, watch, send through, release and make channels and their kinds."""

import typer

from services.hub.commands.channel import listing, making, releasing, sending, trying, watching

app = typer.Typer(help="Channels: the configured inlets, and their kinds.", no_args_is_help=True)
app.command("list")(listing.show)
app.command("test")(trying.try_out)
app.command("watch")(watching.watch)
app.command("send")(sending.send)
app.command("release")(releasing.release)
app.command("new")(making.new)
app.command("expect")(making.expect)
