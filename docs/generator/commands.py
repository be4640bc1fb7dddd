"""The reference of the `leadwire` command, from the command itself."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import typer

from docs.generator.tables import code, table
from services.hub.command import app

# Typer brings a click of its own, whose classes have no public name.
Command: TypeAlias = Any

ABOUT = """# The `leadwire` command

`up`, `provision`, `check` and `channel test` work by themselves; every other command speaks HTTP with the hub
at `LEADWIRE_URL` (default `http://127.0.0.1:$LEADWIRE_PORT`) with the token in `LEADWIRE_TOKEN` (default: the
administrator's, which the hub keeps under `LEADWIRE_HOME`).
"""


def page() -> str:
    """Every command with its arguments and options."""
    return ABOUT + "".join(section(name, command) for name, command in leaves("leadwire", root()))


def root() -> Command:
    """The command as click knows it."""
    return typer.main.get_command(app)


def leaves(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    """(name, command) for every command that does something."""
    below = getattr(command, "commands", None)
    if not below:
        yield name, command
    for word, sub in sorted((below or {}).items()):
        yield from leaves(f"{name} {word}", sub)


def section(name: str, command: Command) -> str:
    """One command."""
    parameters = [one for one in command.params if one.name != "help"]
    text = f"\n## {name}\n\n{(command.help or '').strip()}\n"
    if parameters:
        text += "\n" + table(("Argument or option", "Meaning"), (row(one) for one in parameters))
    return text


def row(parameter: Command) -> tuple[str, str]:
    """One argument or option."""
    option = parameter.param_type_name == "option"
    shown = ", ".join(parameter.opts) if option else parameter.metavar or (parameter.name or "").upper()
    default = parameter.default
    told = (
        f" Default: {code(str(default))}."
        if default not in (None, False, (), []) and not callable(default)
        else ""
    )
    needed = "" if parameter.required or option else " May be left out."
    return code(shown), (getattr(parameter, "help", "") or "") + needed + told
