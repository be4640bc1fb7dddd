"""The part of the definitions that notifications reads: sequences, templates, senders."""

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

from services.notifications.content.liquid import fields_in
from services.notifications.content.mime import usable_address
from services.notifications.definitions.checks import check
from services.notifications.definitions.models import (
    WrittenNotifications,
    WrittenSender,
    WrittenSequence,
    WrittenStep,
)
from services.notifications.definitions.reading import read
from services.notifications.domain.rules import Rules, Sender, Sequence, Step, Template
from services.notifications.domain.schedule import parse_delay, parse_time
from services.runtime.definitions import DefinitionErrors, Reference

KEYS = frozenset({"sequences", "templates", "senders"})


def compile(part: Mapping[str, Any]) -> Rules:
    """The rules of this part. Raises DefinitionErrors with every mistake found."""
    written = read(part)
    mistakes = list(check(written))
    if mistakes:
        raise DefinitionErrors(mistakes)
    return Rules(
        sequences={name: _sequence(name, one) for name, one in written.sequences.items()},
        templates={
            name: Template(one.subject, one.text or one.body or "", one.html)
            for name, one in written.templates.items()
        },
        senders={name: _sender(one) for name, one in written.senders.items()},
    )


def names(part: Mapping[str, Any]) -> dict[str, set[str]]:
    """What other parts may refer to."""
    written = _readable(part)
    return {
        "sequence": set(written.sequences),
        "template": set(written.templates),
        "sender": set(written.senders),
    }


def references(part: Mapping[str, Any]) -> list[Reference]:
    """What this part needs from others: the fields of contacts that templates use."""
    return [
        Reference(f"templates.{name}.{key}", "field", field)
        for name, template in _readable(part).templates.items()
        for key, source in template.sources.items()
        for field in fields_in(source)
    ]


def _readable(part: Mapping[str, Any]) -> WrittenNotifications:
    """The part, or an empty one: its mistakes are told by `compile`."""
    try:
        return read(part)
    except DefinitionErrors:
        return WrittenNotifications()


def _sender(written: WrittenSender) -> Sender:
    name, address = parseaddr(written.from_)
    reply_to = parseaddr(written.reply_to)[1] if written.reply_to else None
    return Sender(name, usable_address(address) or address, usable_address(reply_to))


def _sequence(name: str, written: WrittenSequence) -> Sequence:
    return Sequence(
        name=name,
        title=written.title,
        purpose=written.purpose,
        sender=written.sender,
        stop_on=tuple(dict.fromkeys(written.stop_on)),
        zone=written.zone,
        steps=tuple(_step(step) for step in written.steps),
    )


def _step(written: WrittenStep) -> Step:
    return Step(
        name=written.name,
        delay=parse_delay(written.after),
        at=parse_time(written.at) if written.at else None,
        rule=f"{written.after} at {written.at}" if written.at else written.after,
        medium=written.channel,
        template=written.template,
        late_after=parse_delay(written.late_after).total,
        unknown=written.unknown,
    )
