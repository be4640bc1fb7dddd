"""From the YAML of a guard to the guard: defaults filled in, every mistake named."""

import re
from collections.abc import Mapping
from typing import Any

from services.connectors.catalog.kinds import Kind
from services.connectors.definitions.checks import Wrong
from services.connectors.definitions.models import GuardDefinition
from services.connectors.domain.guard import TRAP_FIELD, Guard, Rate
from services.connectors.reading.documents import dotted

OFF = "off"
# For a kind that any browser may post to, once a channel has a guard at all.
SENDER, CHANNEL = "10 in 10 minutes", "300 in 10 minutes"
_RATE = re.compile(r"([1-9]\d{0,6}) in ([1-9]\d{0,3}) minutes?")
_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)+")
_MINUTES_OF_DAY = 24 * 60


def guard_of(
    kind: Kind, given: GuardDefinition | None, values: Mapping[str, Any], wrong: Wrong
) -> Guard | None:
    """The guard of a channel; None where nothing is set aside.

    Without a `guard` what a form tells of itself still counts where anybody may post: the hidden
    field and the time. A setting `honeypot` of the kind names one more hidden field.
    """
    public = kind.manifest.answer.style == "browser"
    hidden = values.get("honeypot")
    honeypots = [TRAP_FIELD] if public else []
    honeypots += [hidden] if isinstance(hidden, str) and hidden else []
    if given is None:
        least = GuardDefinition().least_seconds if public else 0
        return Guard(honeypots=tuple(map(dotted, honeypots)), least_seconds=least) if honeypots else None
    for name in given.honeypots:
        if not dotted(name):
            wrong(".guard.honeypots", "it names no form field", "Name the field as the form does.")
    if given.honeypots and not kind.manifest.mapping:
        wrong(".guard.honeypots", f"{kind.name} has no form fields", "Remove it.")
    for word in given.words:
        if not word.strip("* "):
            wrong(".guard.words", "a word is empty", "Write a word, or its beginning and a star.")
    for domain in given.domains:
        if not _DOMAIN.fullmatch(domain):
            wrong(".guard.domains", f'"{domain}" is no domain', "Write spam.example, without https://.")
    return Guard(
        _rate("per_sender", given.per_sender or (SENDER if public else OFF), wrong),
        _rate("per_channel", given.per_channel or (CHANNEL if public else OFF), wrong),
        tuple(dict.fromkeys(map(dotted, [*honeypots, *given.honeypots]))),
        given.least_seconds,
        None if given.most_links == OFF else int(given.most_links),
        tuple(given.words),
        tuple(given.domains),
    )


def _rate(name: str, given: str, wrong: Wrong) -> Rate | None:
    if given == OFF:
        return None
    found = _RATE.fullmatch(given)
    if found is None or int(found[2]) > _MINUTES_OF_DAY:
        wrong(f".guard.{name}", "this is no rate", f"Write {SENDER}, at most 1440 minutes, or off.")
        return None
    return Rate(int(found[1]), int(found[2]))
