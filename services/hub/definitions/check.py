"""All of a folder judged together: reading, every service's own rules, and names across them."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.hub.definitions import limits
from services.hub.definitions.findings import DefinitionsRefused, Finding, suggestion
from services.hub.definitions.folder import TEMPLATE_ENDING
from services.hub.definitions.load import Loaded, load
from services.hub.definitions.parts import Owner, Part, owners, split
from services.runtime.definitions import DefinitionErrors

_LINE_OF_BODY = re.compile(r"line (\d+) of body: ")
_WHERE = {
    "channel": "channels:",
    "funnel": "funnels:",
    "member": "team:",
    "sequence": "sequences:",
    "stage": "stages: of its funnel",
    "template": "templates/ as a .liquid file",
}


@dataclass(frozen=True)
class Checked:
    """A set without mistakes, split by owning service. `version` is a hash of its content."""

    loaded: Loaded
    parts: Mapping[str, Part]
    version: str

    @property
    def data(self) -> Mapping[str, Any]:
        """The set by top-level key."""
        return self.loaded.data

    def summary(self) -> str:
        """How much of each thing is in it."""
        counts = [
            f"{key}: {len(value)}" for key, value in self.data.items() if isinstance(value, dict | list)
        ]
        return ", ".join(counts)


def check(texts: Mapping[str, str]) -> Checked:
    """Raises DefinitionsRefused with every mistake that can be told."""
    loaded = load(texts)
    findings = [*loaded.findings, *_unknown_keys(loaded)]
    parts = split(loaded.data)
    for owner in owners():
        findings += _own_rules(owner, parts[owner.service], loaded)
    findings += _across(parts, loaded)
    if not findings:
        findings += _too_large(parts)
    if findings:
        raise DefinitionsRefused(findings)
    return Checked(loaded, parts, version_of(parts))


def version_of(parts: Mapping[str, Part]) -> str:
    """The same for the same content, whatever files it was in; order counts, as it may mean something."""
    text = json.dumps(parts, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _unknown_keys(loaded: Loaded) -> Iterator[Finding]:
    known = [key for owner in owners() for key in owner.keys]
    for key in loaded.data:
        if key not in known:
            all_keys = f"Use one of: {', '.join(sorted(known))}."
            remedy = suggestion(key, known, otherwise=all_keys)
            yield _at(loaded, key, f'there is no top-level key "{key}"', remedy)


def _own_rules(owner: Owner, part: Part, loaded: Loaded) -> Iterator[Finding]:
    try:
        owner.compile(part)
    except DefinitionErrors as refused:
        for error in refused.errors:
            yield _at(loaded, error.path, error.message, error.remedy)


def _across(parts: Mapping[str, Part], loaded: Loaded) -> Iterator[Finding]:
    """Names that one part refers to and no part defines."""
    known: dict[str, set[str]] = defaultdict(set)
    for owner in owners():
        for kind, names in owner.names(parts[owner.service]).items():
            known[kind] |= names
    for owner in owners():
        for reference in owner.references(parts[owner.service]):
            if reference.name not in known[reference.kind]:
                define = f"Define it under {_WHERE.get(reference.kind, reference.kind)}."
                remedy = suggestion(reference.name, known[reference.kind], otherwise=define)
                what = f'there is no {reference.kind} "{reference.name}"'
                yield _at(loaded, reference.path, what, remedy)


def _too_large(parts: Mapping[str, Part]) -> Iterator[Finding]:
    for service, part in parts.items():
        size = len(json.dumps(part))
        if size > limits.SET_BYTES:
            what = f"the part of {service} is {size} bytes, {limits.SET_BYTES} are the most"
            yield Finding(".", 0, "", what, "Shorten texts and templates, or remove old ones.")


def _at(loaded: Loaded, path: str, message: str, remedy: str) -> Finding:
    place = loaded.place(path)
    inside = _LINE_OF_BODY.match(message)
    if inside and place.file.endswith(TEMPLATE_ENDING):
        # The owner counts from where the body begins; people count from the top of the file.
        line = place.line + int(inside[1]) - 1
        return Finding(place.file, line, path, message[inside.end() :], remedy)
    return Finding(place.file, place.line, path, message, remedy)
