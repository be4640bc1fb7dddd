"""winmail.dat is opened; whatever is damaged in it, the mail is read."""

import random
import struct
import time
from email.message import EmailMessage

from services.connectors.reading.attached import carried
from services.connectors.reading.mail.message import read_mail
from services.connectors.reading.mail.tnef import opened

TNEF = "application/ms-tnef"
BEGIN, TITLE, DATA, PROPERTIES, CODEPAGE = 0x69002, 0x18010, 0x6800F, 0x69005, 0x69007


def attribute(level: int, name: int, value: bytes) -> bytes:
    return struct.pack("<BII", level, name, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)


def text(kind: int, name: int, value: bytes) -> bytes:
    """A property of a type whose values tell their length."""
    return struct.pack("<HHII", kind, name, 1, len(value)) + value + b"\0" * (-len(value) % 4)


def properties(*given: bytes) -> bytes:
    return attribute(2, PROPERTIES, struct.pack("<I", len(given)) + b"".join(given))


def pack(*attributes: bytes) -> bytes:
    return b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)


INSIDE = pack(attribute(2, BEGIN, b"\0" * 14), attribute(2, TITLE, b"in.txt\0"), attribute(2, DATA, b"deep"))
WINMAIL = pack(
    attribute(1, 0x89006, struct.pack("<I", 0x10000)),
    attribute(1, CODEPAGE, struct.pack("<II", 1251, 0)),
    attribute(2, BEGIN, b"\0" * 14),
    attribute(2, TITLE, "Прайс~1.pdf\0".encode("cp1251")),
    attribute(2, DATA, b"%PDF-1.4 x"),
    properties(
        struct.pack("<HHI", 3, 0x3705, 1),
        struct.pack("<HH", 3, 0x8001) + b"G" * 16 + struct.pack("<II", 0, 5) + struct.pack("<I", 9),
        struct.pack("<HH", 3, 0x8002) + b"G" * 16 + struct.pack("<II", 1, 6) + b"a\0b\0\0\0\0\0\0\0\0\0",
        struct.pack("<HHI", 0x1003, 0x7FFE, 2) + b"\0" * 8,
        text(0x1F, 0x3707, "Прайс лист.pdf\0".encode("utf-16-le")),
        text(0x1E, 0x370E, b"application/pdf\0"),
    ),
    attribute(2, BEGIN, b"\0" * 14),
    attribute(2, TITLE, "Письмо\0".encode("cp1251")),
    properties(text(0x0D, 0x3701, b"I" * 16 + INSIDE)),
)


def test_a_mail_of_outlook_has_the_files_inside() -> None:
    message = EmailMessage()
    message["From"] = "anna@example.com"
    message.set_content("See attached.")
    message.add_attachment(WINMAIL, maintype="application", subtype="ms-tnef", filename="winmail.dat")
    found = [(file.name, file.content_type, file.size) for file in read_mail(message.as_bytes()).files]
    assert found == [("Прайс лист.pdf", "application/pdf", 10), ("in.txt", "application/octet-stream", 4)]


def test_what_is_no_such_pack_or_holds_nothing_stays_as_it_is() -> None:
    for raw in (b"", b"no pack", pack(), pack(attribute(2, BEGIN, b"")), WINMAIL[:40]):
        file = carried("winmail.dat", TNEF, raw)
        assert opened(file) == [file]
    other = carried("notes.bin", "application/octet-stream", WINMAIL)
    assert opened(other) == [other]


def test_damage_stops_nothing_and_size_costs_no_more_than_it_should() -> None:
    draw = random.Random(7)
    for _ in range(1000):
        damaged = bytearray(WINMAIL)
        for _ in range(draw.randint(1, 6)):
            damaged[draw.randrange(4, len(damaged))] = draw.randrange(256)
        assert opened(carried("winmail.dat", TNEF, bytes(damaged[: draw.randint(4, len(damaged))])))
    many = carried("winmail.dat", TNEF, pack(*([attribute(1, 1, b"")] * 300_000)))
    begun = time.process_time()
    assert opened(many) == [many]
    assert time.process_time() - begun < 1
