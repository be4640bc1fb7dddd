"""Units of SMPP, written and read. Source: SMPP 3.4 specification, issue 1.2: sections 4 and 5."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.connectors.errors import Unreadable

RESPONSE = 0x80000000
GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSCEIVER = 0x01, 0x09
SUBMIT_SM, DELIVER_SM, UNBIND, DATA_SM = 0x04, 0x05, 0x06, 0x103
ENQUIRE_LINK = 0x15
# Said without expecting a word: outbind, alert_notification.
UNANSWERED = frozenset({0x0B, 0x102})

OK = 0x00
SYSTEM_ERROR, QUEUE_FULL, THROTTLED, TRY_LATER, UNKNOWN_COMMAND = 0x08, 0x14, 0x58, 0x64, 0x03

# Optional parameters.
RECEIPTED_ID, MESSAGE_STATE, PAYLOAD = 0x001E, 0x0427, 0x0424
SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x020C, 0x020E, 0x020F

_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")
_MOST_PARTS = 255


@dataclass(frozen=True, slots=True)
class Header:
    """The first 16 bytes."""

    command: int
    status: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Address:
    """A number or a name, its type (TON) and its plan (NPI)."""

    value: str = ""
    ton: int = 0
    npi: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Which piece of a long message it is: of how many, from 1, under which reference."""

    reference: int
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Message:
    """A deliver_sm, data_sm or submit_sm. `text` is without its user data header."""

    source: Address
    destination: Address
    text: bytes
    esm_class: int = 0
    data_coding: int = 0
    part: Part | None = None
    registered: int = 0
    tlvs: Mapping[int, bytes] = field(default_factory=dict)


def header_of(unit: bytes) -> Header:
    """Raises Unreadable."""
    if len(unit) < _HEADER.size:
        raise Unreadable("the unit is shorter than its header")
    size, command, status, sequence = _HEADER.unpack_from(unit)
    if size != len(unit):
        raise Unreadable("the unit does not have the length that it says")
    return Header(command, status, sequence)


def unit(command: int, sequence: int, body: bytes = b"", status: int = OK) -> bytes:
    """One unit on the wire."""
    return _HEADER.pack(_HEADER.size + len(body), command, status, sequence) + body


def without_sequence(given: bytes) -> bytes:
    """The unit as number 0: its number belongs to the connection it came by."""
    return given[:12] + b"\0\0\0\0" + given[16:]


def text_field(value: str) -> bytes:
    """A text that ends with a zero byte."""
    return value.encode("latin-1", "replace").replace(b"\0", b"") + b"\0"


def bind_body(system_id: str, password: str, system_type: str, address_range: str) -> bytes:
    """The body of any bind, of version 3.4."""
    named = text_field(system_id) + text_field(password) + text_field(system_type)
    return named + b"\x34\0\0" + text_field(address_range)


def submit_body(message: Message, service_type: str = "") -> bytes:
    """The body of a submit_sm; a text longer than 254 bytes goes into message_payload."""
    long = len(message.text) > 254
    tlvs = {**message.tlvs, **({PAYLOAD: message.text} if long else {})}
    said = b"" if long else message.text
    fixed = bytes([message.esm_class, 0, 0]) + b"\0\0"
    fixed += bytes([message.registered, 0, message.data_coding, 0, len(said)])
    optional = b"".join(_TLV.pack(tag, len(value)) + value for tag, value in tlvs.items())
    names = text_field(service_type) + _written(message.source) + _written(message.destination)
    return names + fixed + said + optional


def message_of(given: bytes) -> Message:
    """The message in a deliver_sm, data_sm or submit_sm. Raises Unreadable."""
    command = header_of(given).command
    if command not in (DELIVER_SM, SUBMIT_SM, DATA_SM):
        raise Unreadable("the unit carries no message")
    left = _Left(given[_HEADER.size :])
    left.text()
    source, destination = left.address(), left.address()
    esm_class = left.byte()
    if command == DATA_SM:
        registered, coding, said = left.byte(), left.byte(), b""
    else:
        left.take(2)
        left.text()
        left.text()
        registered, _, coding, _ = left.take(4)
        said = left.take(left.byte())
    tlvs = left.tlvs()
    said = said or tlvs.get(PAYLOAD, b"")
    part, said = _part(esm_class, tlvs, said)
    return Message(source, destination, said, esm_class, coding, part, registered, tlvs)


def text_in(body: bytes) -> str:
    """The one text of a response's body, such as message_id."""
    return body.partition(b"\0")[0].decode("latin-1")


def _written(address: Address) -> bytes:
    return bytes([address.ton, address.npi]) + text_field(address.value)


class _Left:
    """What has not been read yet."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def take(self, size: int) -> bytes:
        if len(self._data) < size:
            raise Unreadable("the unit ends within a field")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def byte(self) -> int:
        return self.take(1)[0]

    def text(self) -> str:
        taken, zero, rest = self._data.partition(b"\0")
        if not zero:
            raise Unreadable("the unit ends within a text")
        self._data = rest
        return taken.decode("latin-1")

    def address(self) -> Address:
        ton, npi = self.take(2)
        return Address(self.text(), ton, npi)

    def tlvs(self) -> dict[int, bytes]:
        """Of a parameter that is there twice, the first. A cut one at the end is left out."""
        found: dict[int, bytes] = {}
        while len(self._data) >= _TLV.size:
            tag, size = _TLV.unpack_from(self._data)
            if len(self._data) < _TLV.size + size:
                break
            self._data = self._data[_TLV.size :]
            found.setdefault(tag, self.take(size))
        return found


def _part(esm_class: int, tlvs: Mapping[int, bytes], said: bytes) -> tuple[Part | None, bytes]:
    """Which part it is, by user data header or by optional parameters, and the text alone.

    Source: 3GPP TS 23.040 9.2.3.24: elements 0x00 and 0x08 are those of parts.
    """
    part: Part | None = None
    if esm_class & 0x40 and said and said[0] < len(said):
        head, said = said[1 : said[0] + 1], said[said[0] + 1 :]
        while len(head) >= 2:
            kind, value = head[0], head[2 : 2 + head[1]]
            if (kind, len(value)) in ((0x00, 3), (0x08, 4)):
                part = Part(int.from_bytes(value[:-2], "big"), value[-2], value[-1])
            head = head[2 + head[1] :]
    elif {SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER} <= tlvs.keys():
        told = (int.from_bytes(tlvs[tag], "big") for tag in (SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER))
        part = Part(*told)
    whole = part is None or not 1 <= part.number <= part.total <= _MOST_PARTS or part.total == 1
    return None if whole else part, said
