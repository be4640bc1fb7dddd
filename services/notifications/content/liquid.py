"""Liquid templates for people: checked before they are used, rendered the same in preview and in earnest."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from liquid import BoundTemplate, Environment, Mode
from liquid.exceptions import LiquidError

KNOWN: Mapping[str, str] = {
    "contact.name": "The contact's name; may be empty.",
    "contact.first_name": "The first word of the name; may be empty.",
    "contact.email": "The address the letter goes to.",
    "contact.language": "BCP 47, such as en; may be empty.",
    "contact.fields": "What forms asked, such as contact.fields.course; may be empty.",
    "sequence.name": "The sequence this letter belongs to.",
    "sequence.title": "Its title.",
    "sender.name": "Who writes.",
    "sender.email": "The address they write from.",
    "unsubscribe_url": "Where the contact can say no to further letters.",
}
"""What a template may use, and what it means."""

_FREE = "contact.fields"
_ALWAYS = frozenset({"size", "first", "last"})
_REFUSED_TAGS = ("include", "render")
# Would let a form write HTML into a letter.
_REFUSED_FILTERS = ("safe",)


class _Environment(Environment):
    loop_iteration_limit: ClassVar[int | None] = 10_000
    output_stream_limit: ClassVar[int | None] = 256 * 1024
    local_namespace_limit: ClassVar[int | None] = 256 * 1024


def _environment(*, autoescape: bool) -> Environment:
    made = _Environment(tolerance=Mode.STRICT, strict_filters=True, autoescape=autoescape)
    for tag in _REFUSED_TAGS:
        made.tags.pop(tag, None)
    for filter_name in _REFUSED_FILTERS:
        made.filters.pop(filter_name, None)
    return made


_PLAIN, _HTML = _environment(autoescape=False), _environment(autoescape=True)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a template, on which of its lines, and what to do."""

    line: int
    message: str
    remedy: str


class TemplateFailed(Exception):
    """The template could not be rendered for this contact; says where, never with what."""


@lru_cache(maxsize=2048)
def _compiled(source: str, html: bool) -> BoundTemplate:
    return (_HTML if html else _PLAIN).from_string(source)


def render(source: str, values: Mapping[str, Any], *, html: bool = False) -> str:
    """Fill a template; in HTML every value is escaped. Raises TemplateFailed."""
    try:
        return _compiled(source, html).render(**values)
    except (LiquidError, ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise TemplateFailed(_reason(error)) from error


def flaws(source: str, *, html: bool = False) -> list[Flaw]:
    """Everything that is wrong with a template; empty when it may be used."""
    try:
        template = _compiled(source, html)
        found = [*_unknown_filters(template, source), *_unknown_variables(template, source)]
    except LiquidError as error:
        return [Flaw(_line_of(error, source), _reason(error), "Correct the Liquid syntax there.")]
    return found or list(_failures(source, html))


def fields_in(source: str) -> list[str]:
    """The fields of contacts that a template names; none when it cannot be read."""
    try:
        found = _compiled(source, False).analyze(include_partials=False).globals
    except LiquidError:
        return []
    named = [use.segments for use in found.get("contact", [])]
    fields = (path[2] for path in named if len(path) > 2 and path[1] == "fields")
    return sorted({field for field in fields if isinstance(field, str)} - _ALWAYS)


def _unknown_variables(template: BoundTemplate, source: str) -> Iterator[Flaw]:
    for uses in template.analyze(include_partials=False).globals.values():
        for use in uses:
            if not _is_known(use.segments):
                name = str(use)
                line = source.count("\n", 0, use.span.index) + 1
                yield Flaw(line, f"{name} is not known here", _nearest(name, KNOWN))


def _is_known(segments: list[Any]) -> bool:
    """Whether the path leads to something known; below `contact.fields` any name does."""
    for length in (1, 2):
        name = ".".join(str(segment) for segment in segments[:length])
        if name not in KNOWN:
            continue
        rest = segments[length:]
        return not rest or (name == _FREE and len(rest) <= 2) or rest in ([p] for p in _ALWAYS)
    return False


def _unknown_filters(template: BoundTemplate, source: str) -> Iterator[Flaw]:
    known = template.env.filters
    for name, spans in template.analyze(include_partials=False).filters.items():
        if name not in known:
            line = source.count("\n", 0, spans[0].index) + 1
            yield Flaw(line, f"there is no filter {name}", _nearest(name, known))


def _nearest(wrong: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(wrong, known, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    return f"{guess}Known: {', '.join(sorted(known))}."


def _failures(source: str, html: bool) -> Iterator[Flaw]:
    """Try it on somebody of whom everything is known, and on somebody of whom nothing is."""
    for whom, sample in (("a full contact", SAMPLE), ("an empty contact", EMPTY)):
        try:
            render(source, sample, html=html)
        except TemplateFailed as failed:
            cause = failed.__cause__
            line = _line_of(cause, source) if isinstance(cause, LiquidError) else 1
            yield Flaw(line, f"fails for {whom}: {failed}", "Correct the expression there.")
            return


def _reason(error: Exception) -> str:
    """The first line of the engine's own words: it names syntax, not data."""
    return str(error).splitlines()[0] if isinstance(error, LiquidError) else type(error).__name__


def _line_of(error: LiquidError, source: str) -> int:
    return source.count("\n", 0, error.token.start_index) + 1 if error.token else 1


SAMPLE: Mapping[str, Any] = {
    "contact": {
        "name": "Ann Example",
        "first_name": "Ann",
        "email": "ann@example.com",
        "language": "en",
        "fields": {"course": "English, evening"},
    },
    "sequence": {"name": "welcome", "title": "Welcome"},
    "sender": {"name": "Riverside School", "email": "hello@school.example"},
    "unsubscribe_url": "https://crm.example.com/api/notifications/unsubscribe/token",
}
"""A contact of whom everything is known; what a preview shows when no contact is named."""

EMPTY: Mapping[str, Any] = {
    **SAMPLE,
    "contact": {"name": None, "first_name": None, "email": "a@example.com", "language": None, "fields": {}},
}
