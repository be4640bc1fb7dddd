"""Form bodies: urlencoded, multipart and JSON become one Submission."""

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from contracts.interactions import Attachment
from services.connectors.domain import Delivery
from services.connectors.domain.guard import OWN_PREFIX
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import carried
from services.connectors.reading.charsets import decode_form
from services.connectors.reading.documents import (
    MAX_FIELDS,
    FieldList,
    dotted,
    flatten,
    read_object,
)

# It logs a warning with bytes of the body for every damaged form.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


@dataclass(slots=True)
class Submission:
    """What was filled in: dotted names with every value given, and the files."""

    fields: FieldList = field(default_factory=dict)
    files: list[Attachment] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)

    def first(self, name: str) -> str:
        """The first value of a field that is not blank; empty if there is none."""
        return next((value.strip() for value in self.fields.get(name, ()) if value.strip()), "")

    @property
    def empty(self) -> bool:
        """Whether nothing at all was filled in."""
        own = (name for name in self.fields if not name.startswith(OWN_PREFIX))
        return not self.files and not any(map(self.first, own))

    def content(self, skip: frozenset[str] = frozenset()) -> str:
        """A hash of all that was filled in, whatever the encoding of the body."""
        told = sorted(
            (name, value.strip())
            for name, values in self.fields.items()
            for value in values
            if name not in skip and value.strip()
        )
        text = repr((told, sorted(self.digests)))
        return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def read_submission(delivery: Delivery) -> Submission | None:
    """The form in a delivery; None for a content type that no form has. Raises Unreadable."""
    kind, options = options_of(delivery.headers.get("content-type", ""), delivery.body)
    charset = options.get(b"charset", b"").decode("latin-1") or None
    if kind == "application/json" or kind.endswith("+json"):
        return Submission(fields=flatten(read_object(delivery.body, exact=True)))
    if kind == "application/x-www-form-urlencoded":
        return Submission(fields=urlencoded(delivery.body, charset))
    if kind == "multipart/form-data":
        return multipart(delivery.body, options.get(b"boundary", b""), charset)
    return None


def options_of(header: str, body: bytes) -> tuple[str, dict[bytes, bytes]]:
    """The content type and its options; where the header says little, the body is looked at."""
    try:
        kind, options = parse_options_header(header.encode("ascii", "replace").decode())
    except (ValueError, LookupError):
        kind, options = header.partition(";")[0].strip().lower().encode("ascii", "replace"), {}
    if kind in (b"", b"text/plain"):  # navigator.sendBeacon says text/plain about JSON
        json = body.lstrip()[:1] == b"{"
        kind = b"application/json" if json else kind or b"application/x-www-form-urlencoded"
    return kind.decode("latin-1"), options


def exact_fields(delivery: Delivery) -> tuple[dict[str, list[bytes]], list[Attachment]] | None:
    """Every field byte for byte, for forms that hold raw mail or a charset for each field; and the files.

    None for a content type that no form has. Raises Unreadable.
    """
    kind, options = options_of(delivery.headers.get("content-type", ""), delivery.body)
    files: list[Attachment] = []
    if kind == "application/x-www-form-urlencoded":
        raw = _pairs(delivery.body)
    elif kind == "multipart/form-data":
        raw, named = _apart(_parts(delivery.body, options.get(b"boundary", b"")))
        files = [file for file, _ in _files(named, None)]
    else:
        return None
    fields: dict[str, list[bytes]] = {}
    for name, value in zip(raw[::2], raw[1::2], strict=True):
        fields.setdefault(dotted(name.decode("utf-8", "replace").strip()), []).append(value)
    return fields, files


def urlencoded(body: bytes, charset: str | None = None) -> FieldList:
    """The pairs of a urlencoded body. Raises Unreadable when there are too many."""
    return _gather(decode_form(_pairs(body), charset))


def _pairs(body: bytes) -> list[bytes]:
    """Alternating names and values."""
    pairs = [pair for pair in body.strip().split(b"&") if pair]
    if len(pairs) > MAX_FIELDS:
        raise Unreadable(f"more than {MAX_FIELDS} fields")
    parts: list[bytes] = []
    for pair in pairs:
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        parts += (unquote_to_bytes(name), unquote_to_bytes(value))
    return parts


def _gather(texts: list[str]) -> FieldList:
    """Alternating names and values, by dotted name."""
    fields: FieldList = {}
    for name, value in zip(texts[::2], texts[1::2], strict=True):
        if name := dotted(name.strip()):
            fields.setdefault(name, []).append(value)
    return fields


_Part = tuple[dict[str, bytes], bytes]


class _Parts:
    """Collects the parts of a multipart body as the parser finds them."""

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.complete = False
        self._name = b""
        self._value = b""
        self._headers: dict[str, bytes] = {}
        self._data: list[bytes] = []

    def begin(self) -> None:
        self._headers, self._data = {}, []
        if len(self.parts) >= MAX_FIELDS:
            raise Unreadable(f"more than {MAX_FIELDS} fields")

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value
        self._name = self._value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self._data.append(data[start:end])

    def end(self) -> None:
        self.parts.append((self._headers, b"".join(self._data)))

    def all_done(self) -> None:
        self.complete = True


def multipart(body: bytes, boundary: bytes, charset: str | None = None) -> Submission:
    """Fields and files of a multipart body. Raises Unreadable when it is damaged or cut short."""
    raw, named = _apart(_parts(body, boundary))
    submission = Submission(_gather(decode_form(raw, charset)))
    for file, data in _files(named, charset):
        submission.files.append(file)
        submission.digests.append(hashlib.blake2b(data, digest_size=16).hexdigest())
    return submission


def _parts(body: bytes, boundary: bytes) -> list[_Part]:
    if not boundary:
        raise Unreadable("the multipart body has no boundary")
    found = _Parts()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": found.begin,
                "on_header_field": found.header_name,
                "on_header_value": found.header_value,
                "on_header_end": found.header_end,
                "on_part_data": found.data,
                "on_part_end": found.end,
                "on_end": found.all_done,
            },
        )
        parser.write(body)
    except FormParserError:
        raise Unreadable("the multipart body is damaged") from None
    if not found.complete:
        raise Unreadable("the multipart body is cut short")
    return found.parts


def _apart(parts: list[_Part]) -> tuple[list[bytes], list[tuple[bytes, bytes, bytes]]]:
    """Plain fields as alternating names and values; files as name, content type and bytes."""
    raw: list[bytes] = []
    files: list[tuple[bytes, bytes, bytes]] = []
    for headers, data in parts:
        name, file_name = _disposition(headers.get("content-disposition", b""))
        if file_name is None:
            raw += (name, data)
        elif file_name or data:
            files.append((file_name, headers.get("content-type", b"application/octet-stream"), data))
    return raw, files


def _files(
    named: list[tuple[bytes, bytes, bytes]], charset: str | None
) -> Iterator[tuple[Attachment, bytes]]:
    for name, kind, data in named:
        [shown] = decode_form([name], charset)
        yield carried(shown, kind.decode("latin-1"), data), data


def _disposition(header: bytes) -> tuple[bytes, bytes | None]:
    """The name and the file name (None for a plain field) out of Content-Disposition."""
    try:
        _, options = parse_options_header(header.decode("latin-1"))
    except (ValueError, LookupError):
        raise Unreadable("a part of the multipart body has a damaged header") from None
    return options.get(b"name", b""), options.get(b"filename")
