"""Settings of a channel against the manifest of its kind."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import partial
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from services.connectors.catalog.kinds import Kind
from services.connectors.catalog.manifest import Setting

REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
# One value, and another beside it while a secret is being changed.
_MOST_VALUES = 2
_ORIGIN = re.compile(r"https?://[^/\s*?#]+|\*")

Wrong = Callable[[str, str, str], None]


def settings_of(kind: Kind, given: Mapping[str, Any], wrong: Wrong) -> dict[str, Any]:
    """The settings in their one form, defaults filled in; every mistake is told to `wrong`."""
    specs = kind.manifest.settings
    for key in given:
        if key not in specs:
            wrong(f".settings.{key}", f"{kind.name} has no such setting", nearest(key, specs))
    values = {}
    receive = specs.get("receive")
    transport = kind.manifest.transport_for(given.get("receive", receive.default if receive else None))
    for key, spec in specs.items():
        complain = partial(_at, wrong, f".settings.{key}")
        value = given.get(key, spec.default)
        if value is None or value in ("", []):
            if spec.needed(transport):
                complain("it is missing", f"Add {key}: {spec.description}")
            continue
        values[key] = _checked(spec, value, complain)
    return values


def _at(wrong: Wrong, path: str, message: str, remedy: str) -> None:
    wrong(path, message, remedy)


def _checked(spec: Setting, value: Any, complain: Callable[[str, str], None]) -> Any:
    """The value in its one form; a mistake is told and the value returned as it is."""
    if spec.type == "secret":
        _check_secret(value, complain)
    elif spec.type == "number":
        return _number(value, complain)
    elif spec.type == "flag":
        if value in ("true", "false"):  # as a command line gives it
            return value == "true"
        if not isinstance(value, bool):
            complain("it must be yes or no", "Write true or false.")
    elif spec.type == "choice":
        if value not in spec.choices:
            complain("it is none of the choices", nearest(str(value), spec.choices))
    elif spec.type == "text":
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            complain("it must be a text", "Write one text, in quotes if need be.")
        return str(value)
    else:
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            complain("it must be a list of texts", "Write - and a text on each line.")
        elif spec.type == "origins" and not all(map(_ORIGIN.fullmatch, value)):
            complain("an origin has no path", "Write https://example.org, without a slash at its end.")
        elif spec.type == "networks" and not all(map(_is_network, value)):
            complain("it holds what is no network", "Write addresses such as 203.0.113.7 or 198.51.100.0/24.")
    return value


def _check_secret(value: Any, complain: Callable[[str, str], None]) -> None:
    given = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) and REFERENCE.fullmatch(one) for one in given):
        complain("a secret must not stand here", "Write ${NAME} and set NAME where it runs.")
    elif len(given) > _MOST_VALUES:
        complain("it has too many values", "Name the new one and, until it is in use everywhere, the old.")


def _number(value: Any, complain: Callable[[str, str], None]) -> int:
    # What comes from a command line is text.
    try:
        if isinstance(value, bool):
            raise ValueError
        return int(str(value))
    except ValueError:
        complain("it must be a whole number", "Write digits alone.")
        return 0


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def check_redirect(values: Mapping[str, Any], wrong: Wrong) -> None:
    """A redirect leads to a listed site only."""
    redirect = values.get("redirect")
    if not isinstance(redirect, str):
        return
    try:
        there = urlsplit(redirect)
    except ValueError:
        there = urlsplit("")
    if not redirect.isascii() or f"{there.scheme}://{there.netloc}" not in values.get("origins", ()):
        remedy = "List its site in origins, or redirect to one that is listed."
        wrong(".settings.redirect", "the page is not on a listed site", remedy)


def nearest(given: str, known: Iterable[str]) -> str:
    """A remedy: the nearest known name, or all of them."""
    close = get_close_matches(given, list(known), n=1)
    return f'Did you mean "{close[0]}"?' if close else f"Use one of: {', '.join(sorted(known))}."
