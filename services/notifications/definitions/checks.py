"""What models cannot see: times, zones, addresses, templates, and names that lead nowhere."""

from collections.abc import Callable, Iterator
from email.utils import parseaddr
from zoneinfo import ZoneInfo

from services.notifications.content.liquid import flaws
from services.notifications.content.mime import usable_address
from services.notifications.definitions.models import (
    WrittenNotifications,
    WrittenSender,
    WrittenSequence,
    WrittenStep,
    WrittenTemplate,
)
from services.notifications.definitions.reading import near
from services.notifications.domain.schedule import parse_delay, parse_time
from services.runtime.definitions import DefinitionError

_SPAN = "Write it like 30m, 2h, 1d or 1d12h."
_ADDRESS = 'Write it like "Riverside School <hello@school.example>".'


def check(written: WrittenNotifications) -> Iterator[DefinitionError]:
    """Every mistake in a part whose shape is right."""
    for name, sender in written.senders.items():
        yield from _sender(f"senders.{name}", sender)
    for name, template in written.templates.items():
        yield from _template(f"templates.{name}", template)
    for name, sequence in written.sequences.items():
        yield from _sequence(f"sequences.{name}", sequence, written)


def _sender(path: str, sender: WrittenSender) -> Iterator[DefinitionError]:
    for key, value in (("from", sender.from_), ("reply_to", sender.reply_to)):
        if value is None:
            continue
        address = usable_address(parseaddr(value)[1])
        if address is None or not address.isascii():
            yield DefinitionError(f"{path}.{key}", f"{value!r} holds no address", _ADDRESS)


def _template(path: str, template: WrittenTemplate) -> Iterator[DefinitionError]:
    if (template.text is None) == (template.body is None):
        remedy = "Write the letter under text:, or below the front matter of a .liquid file."
        what = "the text is missing" if template.text is None else "there are two texts"
        yield DefinitionError(path, what, remedy)
    for key, source in template.sources.items():
        for flaw in flaws(source, html=key == "html"):
            where = f"line {flaw.line} of {key}: " if "\n" in source.strip() else ""
            yield DefinitionError(f"{path}.{key}", f"{where}{flaw.message}", flaw.remedy)


def _sequence(
    path: str, sequence: WrittenSequence, written: WrittenNotifications
) -> Iterator[DefinitionError]:
    if sequence.sender not in written.senders:
        remedy = near(sequence.sender, written.senders) if written.senders else _first_sender(sequence)
        yield DefinitionError(f"{path}.sender", f'there is no sender "{sequence.sender}"', remedy)
    if not _is_zone(sequence.zone):
        remedy = "Use an IANA name such as Europe/Berlin."
        yield DefinitionError(f"{path}.zone", f"{sequence.zone!r} is no time zone", remedy)
    seen: set[str] = set()
    for place, step in enumerate(sequence.steps):
        here = f"{path}.steps[{place}]"
        if step.name in seen:
            remedy = "Give each step a name of its own."
            yield DefinitionError(f"{here}.name", f'"{step.name}" is there twice', remedy)
        seen.add(step.name)
        yield from _step(here, step, written)


def _step(path: str, step: WrittenStep, written: WrittenNotifications) -> Iterator[DefinitionError]:
    if step.template not in written.templates:
        remedy = (
            near(step.template, written.templates)
            if written.templates
            else f"Add templates/{step.template}.liquid or templates: {step.template}:."
        )
        yield DefinitionError(f"{path}.template", f'there is no template "{step.template}"', remedy)
    yield from _readable(f"{path}.after", parse_delay, step.after, _SPAN)
    yield from _readable(f"{path}.late_after", parse_delay, step.late_after, _SPAN)
    if step.at is not None:
        yield from _readable(f"{path}.at", parse_time, step.at, 'Write it like "10:00".')


def _readable(path: str, parse: Callable[[str], object], text: str, remedy: str) -> Iterator[DefinitionError]:
    try:
        parse(text)
    except ValueError as error:
        yield DefinitionError(path, str(error), remedy)


def _first_sender(sequence: WrittenSequence) -> str:
    return f'Add senders: {sequence.sender}: with from: "Name <address>".'


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (KeyError, ValueError, OSError):
        return False
