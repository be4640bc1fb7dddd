"""The YAML of channels: what people write, checked against the manifest of each kind."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import SecretStr, ValidationError

from services.connectors.catalog.kinds import Kind, broken, catalogue
from services.connectors.definitions.channel import Channel, Rules
from services.connectors.definitions.checks import (
    REFERENCE,
    Wrong,
    check_redirect,
    nearest,
    settings_of,
)
from services.connectors.definitions.guards import guard_of
from services.connectors.definitions.models import ChannelDefinition, Definitions
from services.connectors.domain import ConsentField, FieldMap, Settings
from services.connectors.reading.documents import dotted
from services.connectors.reading.fieldmap import CONTRACT_FIELDS, IDENTITY
from services.runtime.definitions import DefinitionError, DefinitionErrors
from services.runtime.streams import PARTNER_NAME, PARTNER_NAME_RULE

KEYS = frozenset({"channels"})
CHANNEL_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
# Relative, and spelled in one way alone: no dots lead up, no slash stands at an end.
_FOLDER = re.compile(r"(?!\.)[^/\\\0]+(/(?!\.)[^/\\\0]+)*")
_TARGET = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


def compile(part: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Rules:
    """Check the part and make it ready for use. Raises DefinitionErrors with every mistake in it.

    `secrets` gives values to `${NAME}`; without it the environment does. A name without a value is
    no mistake here: it closes the channel.
    """
    try:
        definitions = Definitions.model_validate(part)
    except ValidationError as error:
        raise DefinitionErrors(list(_complaints(error))) from None
    known = os.environ if secrets is None else secrets
    mistakes: list[DefinitionError] = []
    channels = [
        _channel(name, definition, known, mistakes) for name, definition in definitions.channels.items()
    ]
    found = [channel for channel in channels if channel]
    mistakes += _shared_inlets(found)
    if mistakes:
        raise DefinitionErrors(mistakes)
    return Rules.of(found)


def channel_of(name: str, definition: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Channel:
    """One channel by its definition alone. Raises DefinitionErrors."""
    return compile({"channels": {name: definition}}, secrets).channels[name]


def names(part: Mapping[str, Any]) -> dict[str, set[str]]:
    """What other parts may refer to."""
    channels = part.get("channels")
    return {"channel": set(channels) if isinstance(channels, dict) else set()}


def references(part: Mapping[str, Any]) -> list[Any]:
    """What this part refers to in others: nothing."""
    return []


def _complaints(error: ValidationError) -> Iterator[DefinitionError]:
    for row in error.errors(include_url=False, include_input=False):
        # Where a value may have one of two forms, pydantic adds the form's name to the path.
        path = ".".join(map(str, row["loc"][:4]))
        unknown = row["type"] == "extra_forbidden"
        remedy = "Remove it, or correct its spelling." if unknown else "See docs/channels.md."
        if row["type"] == "missing":
            remedy = "Add it."
        yield DefinitionError(path, "there is no such field" if unknown else row["msg"], remedy)


def _channel(
    name: str,
    definition: ChannelDefinition,
    secrets: Mapping[str, str],
    mistakes: list[DefinitionError],
) -> Channel | None:
    """The channel; None, with the mistakes told, when it cannot be."""
    before = len(mistakes)

    def wrong(path: str, message: str, remedy: str) -> None:
        mistakes.append(DefinitionError(f"channels.{name}{path}", message, remedy))

    if not CHANNEL_NAME.fullmatch(name):
        wrong("", "this cannot be a channel's name", "Use a-z, 0-9 and -, at most 63 of them.")
    kind = catalogue().get(definition.kind)
    if kind is None and definition.kind in broken():
        wrong(".kind", broken()[definition.kind], "Correct the manifest.")
        return None
    if kind is None:
        wrong(".kind", f'there is no kind "{definition.kind}"', nearest(definition.kind, catalogue()))
        return None
    values = settings_of(kind, definition.settings, wrong)
    check_redirect(values, wrong)
    guard = guard_of(kind, definition.guard, values, wrong)
    fields = _fields(kind, definition, guard.honeypots if guard else (), wrong)
    if len(mistakes) > before:
        return None
    held = {setting for setting, spec in kind.manifest.settings.items() if spec.type == "secret"}
    return Channel(
        name,
        kind,
        Settings({key: values[key] for key in values.keys() - held}, fields, definition.title),
        {setting: _live(values.get(setting), secrets) for setting in held},
        definition.title or name,
        guard,
    )


def _fields(kind: Kind, definition: ChannelDefinition, hidden: Sequence[str], wrong: Wrong) -> FieldMap:
    if not kind.manifest.mapping and (definition.mapping or definition.consents):
        part = ".mapping" if definition.mapping else ".consents"
        wrong(part, f"{kind.name} knows its own fields", "Remove it.")
    sources = {}
    for target, given in definition.mapping.items():
        if not _TARGET.fullmatch(target):
            known = ", ".join(sorted(CONTRACT_FIELDS))
            remedy = f"Use {known}, {IDENTITY}<kind>, or a name of a-z, 0-9 and _."
            wrong(f".mapping.{target}", "this cannot be a field's name", remedy)
        forms = [given] if isinstance(given, str) else given
        if not forms or not all(map(dotted, forms)):
            wrong(f".mapping.{target}", "it names no form field", "Name the field as the form does.")
        sources[target] = tuple(map(dotted, forms))
    boxes = {
        purpose: ConsentField(dotted(box)) if isinstance(box, str)
        else ConsentField(dotted(box.field), box.wording)
        for purpose, box in definition.consents.items()
    }  # fmt: skip
    return FieldMap(sources, boxes, frozenset(hidden))


def _live(references: Any, secrets: Mapping[str, str]) -> tuple[SecretStr, ...]:
    """The values of a secret: one, or two while it is being changed. None while it is not set."""
    given = references if isinstance(references, list) else [references]
    names = [named[1] for one in given if (named := REFERENCE.fullmatch(one or ""))]
    return tuple(SecretStr(value) for name in names if (value := secrets.get(name)))


def _shared_inlets(channels: list[Channel]) -> Iterator[DefinitionError]:
    """A mail address, a partner or a directory leads to one channel only."""
    taken: Counter[tuple[str, str]] = Counter()
    for channel in channels:
        transport = channel.transport
        setting = {"smtp": "addresses", "nats": "partner", "folder": "path"}.get(transport)
        if setting is None:
            continue
        values = channel.settings.texts(setting) or (channel.settings.text(setting),)
        path = f"channels.{channel.name}.settings.{setting}"
        for value in values:
            taken[setting, value.lower()] += 1
            if taken[setting, value.lower()] > 1:
                yield DefinitionError(path, f'"{value}" belongs to another channel', "Name it once.")
            yield from _odd_inlet(setting, value, path)


def _odd_inlet(setting: str, value: str, path: str) -> Iterator[DefinitionError]:
    if setting == "addresses" and value.count("@") != 1:
        yield DefinitionError(path, f'"{value}" is no mail address', "Write info@example.org.")
    if setting == "partner" and not PARTNER_NAME.fullmatch(value):
        yield DefinitionError(path, f'"{value}" cannot be a partner', PARTNER_NAME_RULE)
    if setting == "path" and not _FOLDER.fullmatch(value):
        yield DefinitionError(path, f'"{value}" is no directory below the root', "Write it like leads/in.")
