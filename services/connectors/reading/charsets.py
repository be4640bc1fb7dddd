"""Bytes to text when the label is missing or wrong.

Facts: old Russian sites post windows-1251 without saying so; mail carries koi8-r, windows-1251 and
labels such as X-UNKNOWN or GB2312 on UTF-8 bytes.
"""

import re

# Decoders that are a superset of what the label says, as browsers read them (WHATWG Encoding).
_WIDER = {
    "us-ascii": "windows-1252",
    "ascii": "windows-1252",
    "iso-8859-1": "windows-1252",
    "latin1": "windows-1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "x-sjis": "cp932",
    "koi8": "koi8-r",
    "win-1251": "windows-1251",
    "cp-1251": "windows-1251",
    "x-mac-cyrillic": "mac-cyrillic",
}
# Only these are ever handed to the codec registry, which also knows rot13, idna and the like.
_KNOWN = re.compile(
    r"(utf-?8|utf-?16(-?[bl]e)?|utf-?32(-?[bl]e)?|windows-?(1250|1251|1252|1253|1254|1255|1256|1257|1258)"
    r"|cp(1251|1252|866|850|437|932|949|950)|iso-?8859-?(1[0-6]?|[2-9])|koi8-[rut]|gb18030|big5"
    r"|iso-2022-(jp|kr)|euc-jp|mac-cyrillic|tis-620)"
)
_SEVEN_BIT = ("iso-2022", "utf-16", "utf16", "utf-32", "utf32")
# Capital and small letters lie in swapped halves: small letters are the frequent ones.
_KOI8_SMALL = frozenset(range(0xC0, 0xE0))
_CP1251_SMALL = frozenset(range(0xE0, 0x100))


def codec(label: str | None) -> str | None:
    """The codec for a charset label; None for labels nobody should trust."""
    name = (label or "").strip().strip("\"'").lower()
    name = _WIDER.get(name, name)
    return name if _KNOWN.fullmatch(name) else None


def decode(raw: bytes, declared: str | None = None) -> str:
    """Text for bytes: UTF-8 if it is that, else as declared, else a Cyrillic guess. Never fails."""
    label = codec(declared)
    if label and label.startswith(_SEVEN_BIT):
        return raw.decode(label, "replace")
    for attempt in ("utf-8", label):
        if attempt:
            try:
                return raw.decode(attempt)
            except UnicodeDecodeError:
                continue
    return raw.decode(label or _cyrillic(raw), "replace")


def decode_form(parts: list[bytes], declared: str | None = None) -> list[str]:
    """All parts of a form in one charset: UTF-8 strictly, else as declared, else windows-1251."""
    for label in ("utf-8", codec(declared)):
        if label:
            try:
                return [part.decode(label) for part in parts]
            except UnicodeDecodeError:
                continue
    return [part.decode("windows-1251", "replace") for part in parts]


def _cyrillic(raw: bytes) -> str:
    koi8 = sum(byte in _KOI8_SMALL for byte in raw)
    return "koi8-r" if koi8 > sum(byte in _CP1251_SMALL for byte in raw) else "windows-1251"
