"""Texts of short messages: the alphabet of GSM, other codings, and how long texts are cut.

Source: 3GPP TS 23.038 6.2.1 (alphabet and its extension), SMPP 3.4 5.2.19 (data_coding).
"""

from services.connectors.errors import Unreadable

_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {10: "\f", 20: "^", 40: "{", 41: "}", 47: "\\", 60: "[", 61: "~", 62: "]", 64: "|", 101: "€"}
_ESCAPE = 0x1B
_CODES = {sign: bytes([code]) for code, sign in enumerate(_ALPHABET) if code != _ESCAPE}
_CODES |= {sign: bytes([_ESCAPE, code]) for code, sign in _EXTENSION.items()}
# data_coding: the codec. 0 is what the centre is set to.
_CODECS = {
    1: "ascii",
    3: "latin-1",
    5: "shift_jis",
    6: "iso8859-5",
    7: "iso8859-8",
    8: "utf-16-be",
    14: "euc_kr",
}
_BYTES = frozenset({2, 4})
GSM, UCS2 = 0, 8
# Bytes in one message, and in one part beside its header of six bytes.
_WHOLE, _PIECE = {GSM: 160, UCS2: 140}, {GSM: 153, UCS2: 134}


def from_gsm(data: bytes) -> str:
    """One septet in each byte. An unknown escape is the plain sign, as the standard says."""
    found: list[str] = []
    escaped = False
    for byte in data:
        code = byte & 0x7F
        if code == _ESCAPE and not escaped:
            escaped = True
            continue
        found.append(_EXTENSION.get(code, _ALPHABET[code]) if escaped else _ALPHABET[code])
        escaped = False
    return "".join(found).replace("\x1b", " ")


def decoded(data: bytes, coding: int, default: str) -> str | None:
    """The text; None when it is no text. `default` says what coding 0 is: gsm or a codec of Python."""
    group = coding & 0xF0
    if coding in _BYTES or (group == 0xF0 and coding & 0x04):
        return None
    if coding == GSM or group in (0xC0, 0xD0, 0xF0):
        return from_gsm(data) if default == "gsm" else data.decode(default, "replace")
    if group == 0xE0:
        coding = UCS2
    if coding not in _CODECS:
        raise Unreadable(f"no alphabet is known for data_coding {coding}")
    return data.decode(_CODECS[coding], "replace")


def to_gsm(text: str) -> bytes | None:
    """The text in the alphabet of GSM; None when it has other signs."""
    try:
        return b"".join(_CODES[sign] for sign in text)
    except KeyError:
        return None


def pieces(text: str) -> tuple[int, list[bytes]]:
    """The data_coding and the text in as few messages as it takes; no sign is cut in two."""
    plain = to_gsm(text)
    coding = GSM if plain is not None else UCS2
    signs = [_CODES[sign] if coding == GSM else sign.encode("utf-16-be", "surrogatepass") for sign in text]
    if sum(map(len, signs)) <= _WHOLE[coding]:
        return coding, [b"".join(signs)]
    found = [b""]
    for sign in signs:
        if len(found[-1]) + len(sign) > _PIECE[coding]:
            found.append(b"")
        found[-1] += sign
    return coding, found
