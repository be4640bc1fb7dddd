"""What an IMAP server says, taken apart. Source: RFC 3501, sections 7 and 9."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

# An atom may hold a section in brackets, such as BODY[HEADER.FIELDS (DATE)].
_TOKEN = re.compile(rb'\s*(?:(\()|(\))|"((?:[^"\\]|\\.)*)"|\{(\d+)\+?\}|((?:[^\s()"{\[]|\[[^\]]*\])+))')
_CODE = re.compile(rb"(?:OK|NO|BAD|BYE|PREAUTH) \[([A-Z0-9-]+)(?: ([^\]]*))?\]", re.IGNORECASE)
_COUNT = re.compile(rb"(\d+) (EXISTS|RECENT|EXPUNGE|FETCH)\b", re.IGNORECASE)

Value = bytes | None | list["Value"]


class Garbled(Exception):
    """The server said something that is no IMAP."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response without its tag; `literals` stand in `text` as `{size}`."""

    tag: str
    text: bytes
    literals: tuple[bytes, ...] = ()

    @property
    def word(self) -> str:
        """OK, NO, BYE, SEARCH, or EXISTS and the like, which follow a number."""
        counted = _COUNT.match(self.text)
        return (counted[2] if counted else self.text.partition(b" ")[0]).decode("ascii", "replace").upper()

    @property
    def code(self) -> tuple[str, str]:
        """The code in brackets and what stands behind it, such as UIDVALIDITY and a number."""
        found = _CODE.match(self.text)
        if not found:
            return "", ""
        return found[1].decode().upper(), (found[2] or b"").decode("ascii", "replace")

    @property
    def values(self) -> list[Value]:
        """All values in order, lists nested. Raises Garbled."""
        return _values(self.text, iter(self.literals))


def _values(text: bytes, literals: Iterator[bytes]) -> list[Value]:
    opened: list[list[Value]] = [[]]
    place = 0
    while text[place:].strip():
        token = _TOKEN.match(text, place)
        if token is None:
            raise Garbled("a response that has no such form")
        place = token.end()
        start, end, string, size, atom = token.groups()
        if start:
            opened.append([])
        elif end:
            if len(opened) < 2:
                raise Garbled("a bracket too many")
            inner = opened.pop()
            opened[-1].append(inner)
        elif string is not None:
            opened[-1].append(re.sub(rb"\\(.)", rb"\1", string))
        elif size is not None:
            opened[-1].append(next(literals, b""))
        else:
            opened[-1].append(None if atom.upper() == b"NIL" else atom)
    if len(opened) > 1:
        raise Garbled("a bracket too few")
    return opened[0]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one FETCH response tells of a mail; sizes in bytes, -1 if untold; `arrived` by the server."""

    uid: int
    size: int = -1
    arrived: datetime | None = None
    body: bytes | None = None


def fetched(response: Response) -> Fetched | None:
    """The mail of a FETCH response; None where it tells no UID, as news of flags do. Raises Garbled."""
    values = response.values
    if len(values) != 3 or not isinstance(values[2], list):
        raise Garbled("a FETCH response without its list")
    told = values[2]
    items = {
        name.partition(b"[")[0].upper(): value
        for name, value in zip(told[::2], told[1::2], strict=False)
        if isinstance(name, bytes)
    }
    uid, size, body = items.get(b"UID"), items.get(b"RFC822.SIZE"), items.get(b"BODY")
    if not isinstance(uid, bytes) or not uid.isdigit():
        return None
    known = int(size) if isinstance(size, bytes) and size.isdigit() else -1
    at = items.get(b"INTERNALDATE")
    return Fetched(
        int(uid),
        known,
        _moment(at) if isinstance(at, bytes) else None,
        body if isinstance(body, bytes) else None,
    )


def _moment(raw: bytes) -> datetime | None:
    try:
        return datetime.strptime(raw.decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z")
    except ValueError:
        return None


def numbers(response: Response) -> list[int]:
    """The numbers of a SEARCH response."""
    return [int(word) for word in response.text.split()[1:] if word.isdigit()]
