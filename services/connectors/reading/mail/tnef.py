"""What Outlook packs into winmail.dat: the files. Source: [MS-OXTNEF] 2.1.3, [MS-OXPROPS] for the names.

Read here because the one library for it, tnefparse, has had no release since 2021 and copies all that is
left for every attribute: a mail of a few megabytes would stop the reader for hours.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from services.connectors.reading.attached import UNKNOWN, Carried, carried
from services.connectors.reading.charsets import decode

_TYPES = ("application/ms-tnef", "application/vnd.ms-tnef")
_NAME = "winmail.dat"
_SIGNATURE = b"\x78\x9f\x3e\x22"
_HEADER, _TRAILER = 9, 2
_OF_ATTACHMENT = 2
# Attributes of an attachment: where one begins, its short name, its bytes, its properties.
_BEGIN, _TITLE, _DATA, _PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
_CODEPAGE = 0x00069007
_LONG_NAME, _FILE_NAME, _MIME_TAG, _OBJECT = 0x3707, 0x3704, 0x370E, 0x3701
_FIXED = {0: 0, 1: 0, 2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 0x0A: 4, 0x0B: 4, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE = (0x0D, 0x1E, 0x1F, 0x102)
_TEXT8, _UNICODE, _IS_OBJECT, _SEVERAL = 0x1E, 0x1F, 0x0D, 0x1000
_GUID = 16
_MOST_ATTRIBUTES, _MOST_FILES, _DEEPEST = 10_000, 100, 3


@dataclass(slots=True)
class _File:
    name: str = ""
    content_type: str = UNKNOWN
    data: bytes = b""


def opened(file: Carried) -> list[Carried]:
    """The files inside, if it is such a pack and holds any; else the file itself."""
    packed = file.content_type in _TYPES or file.name.lower() == _NAME
    if not packed or not file.data.startswith(_SIGNATURE):
        return [file]
    inside = list(_files(file.data, 0))[:_MOST_FILES]
    return [carried(one.name or "attachment", one.content_type, one.data) for one in inside] or [file]


def _files(raw: bytes, depth: int) -> Iterator[_File]:
    """Every attachment that holds bytes; those of a message inside stand for the message."""
    for one in _attachments(raw):
        if (
            one.data.startswith(_SIGNATURE)
            and depth < _DEEPEST
            and (deeper := [*_files(one.data, depth + 1)])
        ):
            yield from deeper
        elif one.data:
            yield one


def _attachments(raw: bytes) -> list[_File]:
    """What was read before the first damage counts."""
    found: list[_File] = []
    codepage = None
    for level, attribute, value in _attributes(raw):
        if attribute == _CODEPAGE and len(value) >= 4:
            codepage = f"cp{struct.unpack_from('<I', value)[0]}"
        if attribute == _BEGIN:
            found.append(_File())
        if level != _OF_ATTACHMENT or not found:
            continue
        if attribute == _TITLE:
            found[-1].name = found[-1].name or _text8(value, codepage)
        elif attribute == _DATA:
            found[-1].data = value
        elif attribute == _PROPERTIES:
            _describe(found[-1], value, codepage)
    return found


def _attributes(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Level, id and value of each attribute."""
    place = 6
    for _ in range(_MOST_ATTRIBUTES):
        if place + _HEADER > len(raw):
            return
        level, attribute, length = struct.unpack_from("<BII", raw, place)
        place += _HEADER
        if place + length > len(raw):
            return
        yield level, attribute, raw[place : place + length]
        place += length + _TRAILER


def _describe(file: _File, raw: bytes, codepage: str | None) -> None:
    """Take the name, the type and the bytes of an object out of its properties."""
    short = file.name
    for kind, name, value in _properties(raw):
        if name in (_LONG_NAME, _FILE_NAME, _MIME_TAG):
            text = value.decode("utf-16-le", "replace") if kind == _UNICODE else _text8(value, codepage)
            text = text.strip("\0 ")
            if name == _MIME_TAG:
                file.content_type = text or UNKNOWN
            elif name == _LONG_NAME or file.name == short == "":
                file.name = text or file.name
        elif name == _OBJECT and not file.data:
            file.data = value[_GUID:] if kind == _IS_OBJECT else value


def _properties(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, id and first value of each property, up to what cannot be read."""
    try:
        (count,) = struct.unpack_from("<I", raw)
        place = 4
        for _ in range(min(count, _MOST_ATTRIBUTES)):
            kind, name = struct.unpack_from("<HH", raw, place)
            place += 4
            if name >= 0x8000:
                place = _after_name(raw, place)
            values, place = _values(raw, place, kind)
            yield kind & ~_SEVERAL, name, values
    except (struct.error, LookupError):
        return


def _after_name(raw: bytes, place: int) -> int:
    """Behind the name of a named property: a number, or text padded to four bytes."""
    sort, size = struct.unpack_from("<II", raw, place + _GUID)
    place += _GUID + 8
    return place + (_padded(size) if sort else 0)


def _values(raw: bytes, place: int, kind: int) -> tuple[bytes, int]:
    """The first value, and the place behind all of them. Raises LookupError for an unknown type."""
    plain = kind & ~_SEVERAL
    if plain not in _VARIABLE:
        size, count = _FIXED[plain], 1
        if kind & _SEVERAL:
            (count,) = struct.unpack_from("<I", raw, place)
            place += 4
        return raw[place : place + size], place + size * count
    (count,) = struct.unpack_from("<I", raw, place)
    place += 4
    first = b""
    for number in range(min(count, _MOST_ATTRIBUTES)):
        (size,) = struct.unpack_from("<I", raw, place)
        place += 4
        if number == 0:
            first = raw[place : place + size]
        place += _padded(size)
    return first, place


def _padded(size: int) -> int:
    return (size + 3) // 4 * 4


def _text8(value: bytes, codepage: str | None) -> str:
    return decode(value.rstrip(b"\0"), codepage).strip()
