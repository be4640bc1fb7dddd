"""A request as it was presented, before anything is believed: where things stand in it, and templates."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

from pydantic import SecretStr

from services.connectors.domain import Settings
from services.connectors.errors import Unreadable
from services.connectors.reading.documents import dotted, read_json
from services.connectors.reading.forms import multipart, options_of, urlencoded

LOCATION = re.compile(r"(?:(header|query|field):([^\s{}]+)|path|body)")
# Braces around anything else stay as they are: JSON has braces.
_PIECE = re.compile(rb"\{(body|url|path|secret|(?:header|query|field|setting):[^\s{}\"]+)\}")
_MOST_FIELDS = 1000
_MOST_PARTS = 100


@dataclass(frozen=True, slots=True)
class Held:
    """What a channel holds for proofs and answers: its settings, and the live values of its secrets.

    During a rotation a secret has two values, and either counts.
    """

    settings: Settings = field(default_factory=Settings)
    secrets: Mapping[str, tuple[SecretStr, ...]] = field(default_factory=dict, repr=False)

    def values(self, name: str) -> tuple[bytes, ...]:
        """The live values of a secret; none of them while it is not set."""
        found = (secret.get_secret_value() for secret in self.secrets.get(name, ()))
        return tuple(value.encode() for value in found if value)


@dataclass(frozen=True)
class Presented:
    """A request. Header names are lower case; `path` is what follows the channel's name.

    `url` is the address that the sender called, in full. `peer` is the sender's network address.
    """

    method: str
    body: bytes
    at: datetime
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    query: str = ""
    url: str = ""
    peer: str | None = None

    def value(self, location: str) -> str | None:
        """What stands at a location; None if nothing does."""
        if location == "path":
            return self.path or None
        if location == "body":
            return self.body.decode("utf-8", "replace")
        where, _, name = location.partition(":")
        if where == "header":
            if "#" in name:
                return next(iter(self.parts(location)), None)
            return self.headers.get(name)
        if where == "query":
            return self._query.get(name)
        return self._field(name)

    def parts(self, location: str) -> list[str]:
        """Every value at a location: of a compound header `a=1,b=2,b=3` the part `header:NAME#b` has two."""
        where, _, name = location.partition(":")
        name, hash_sign, part = name.partition("#")
        if where != "header" or not hash_sign:
            value = self.value(location)
            return [] if value is None else [value]
        pairs = (one.partition("=") for one in re.split("[,;]", self.headers.get(name, ""))[:_MOST_PARTS])
        return [value.strip() for key, _, value in pairs if key.strip() == part and value.strip()]

    @cached_property
    def _query(self) -> dict[str, str]:
        try:
            pairs = parse_qsl(self.query, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:
            return {}
        return dict(reversed(pairs))

    def _field(self, name: str) -> str | None:
        document = self._document
        if isinstance(document, Mapping) and name in document:
            return _text(document[name])
        for part in dotted(name).split("."):
            if isinstance(document, list) and part.isdecimal() and int(part) < len(document):
                document = document[int(part)]
            elif isinstance(document, Mapping):
                document = document.get(part)
            else:
                return None
        return _text(document)

    @cached_property
    def _document(self) -> Any:
        """The body as JSON or as the first value of each form field; None when it is neither."""
        kind, options = options_of(self.headers.get("content-type", ""), self.body)
        try:
            if "json" in kind:
                return read_json(self.body, exact=True)
            if kind == "multipart/form-data":
                fields = multipart(self.body, options.get(b"boundary", b"")).fields
            else:
                fields = urlencoded(self.body)
        except Unreadable:
            return None
        # Dotted names are one level here.
        return _Flat((name, values[0]) for name, values in fields.items())

    def render(self, template: str, held: Held, secret: bytes = b"") -> bytes:
        """A template with its pieces filled in; a piece that is missing is empty."""

        def filled(found: re.Match[bytes]) -> bytes:
            piece = found[1].decode()
            if piece in ("body", "secret"):
                return self.body if piece == "body" else secret
            if piece == "url":
                return self.url.encode()
            if piece.startswith("setting:"):
                return held.settings.text(piece.partition(":")[2]).encode()
            return (self.value(piece) or "").encode("utf-8", "replace")

        return _PIECE.sub(filled, template.encode())


class _Flat(dict[str, str]):
    """Form fields by dotted name."""

    def get(self, name: str, default: Any = None) -> Any:
        """A field, however its name spells nesting."""
        return super().get(dotted(name), default)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(dotted(str(name)))

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(dotted(name))


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None
