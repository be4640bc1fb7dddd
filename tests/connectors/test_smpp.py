"""Units, texts and receipts of SMPP, against another implementation of it and the published alphabets."""

from datetime import UTC, datetime

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as some

from services.connectors.domain import Settings
from services.connectors.drivers.smpp.carrying import source_of
from services.connectors.errors import Unreadable
from services.connectors.reading.smpp import pdus
from services.connectors.reading.smpp.pdus import Address, Message, Part, message_of, submit_body, unit
from services.connectors.reading.smpp.receipts import receipt_in
from services.connectors.reading.smpp.texts import GSM, UCS2, decoded, from_gsm, pieces, to_gsm

ANNA, SCHOOL = Address("447946095801", 1, 1), Address("School", 5, 0)


def submitted(message: Message) -> smpp34.SubmitSm:
    """As another implementation reads what we write."""
    read = smpp34.decode(unit(pdus.SUBMIT_SM, 7, submit_body(message)))
    assert isinstance(read, smpp34.SubmitSm)
    return read


def test_another_implementation_reads_what_we_submit() -> None:
    read = submitted(Message(SCHOOL, ANNA, b"hello", 0x40, UCS2, registered=1, tlvs={0x020C: b"\0\7"}))
    assert (read.source_addr, read.source_addr_ton, read.destination_addr) == ("School", 5, "447946095801")
    assert (read.short_message, read.esm_class, read.data_coding) == (b"hello", 0x40, UCS2)
    assert (read.registered_delivery, read.sequence_number) == (1, 7)
    assert [(one.tag, one.value) for one in read.tlvs] == [(0x020C, b"\0\7")]
    long = submitted(Message(SCHOOL, ANNA, b"x" * 300))
    assert long.short_message == b""
    assert [(one.tag, len(one.value)) for one in long.tlvs] == [(pdus.PAYLOAD, 300)]


def test_we_read_what_another_implementation_writes() -> None:
    tlvs = [smpp34.Tlv(0x1401, b"own"), smpp34.Tlv(pdus.SAR_REFERENCE, b"\1\2")]
    tlvs += [smpp34.Tlv(pdus.SAR_TOTAL, b"\3"), smpp34.Tlv(pdus.SAR_NUMBER, b"\2")]
    written = smpp34.DeliverSm("447946095801", "5550", b"hi", source_addr_ton=1, data_coding=3, tlvs=tlvs)
    read = message_of(written.encode())
    assert (read.source, read.destination.value) == (Address("447946095801", 1, 0), "5550")
    assert (read.text, read.data_coding, read.part) == (b"hi", 3, Part(0x0102, 3, 2))


@given(some.binary(max_size=120))
def test_any_bytes_are_a_message_or_unreadable(body: bytes) -> None:
    try:
        message_of(unit(pdus.DELIVER_SM, 1, body))
    except Unreadable:
        return


@pytest.mark.parametrize(
    ("head", "part"),
    [
        (b"\5\0\3\x2a\2\1", Part(42, 2, 1)),
        (b"\6\x08\4\1\2\2\2", Part(258, 2, 2)),
        (b"\x0b\5\4\1\2\3\4\0\3\x2a\2\1", Part(42, 2, 1)),
        (b"\5\0\3\x2a\1\1", None),
        (b"\5\0\3\x2a\2\3", None),
        (b"\5\0\3\x2a\2\0", None),
        (b"\0", None),
    ],
)
def test_headers_of_parts(head: bytes, part: Part | None) -> None:
    read = message_of(smpp34.DeliverSm("1", "2", head + b"text", esm_class=0x40).encode())
    assert (read.part, read.text) == (part, b"text")


@given(some.text(max_size=400))
def test_pieces_fit_and_are_the_whole_text(text: str) -> None:
    text = text.encode("utf-16-be", "replace").decode("utf-16-be")
    coding, found = pieces(text)
    assert len(found) == 1 or max(map(len, found)) <= {GSM: 153, UCS2: 134}[coding]
    assert "".join(decoded(one, coding, "gsm") or "" for one in found) == text


def test_the_alphabet_of_gsm() -> None:
    assert to_gsm("@$ _€[]Ω") == b"\x00\x02\x20\x11\x1be\x1b<\x1b>\x15"
    assert from_gsm(b"\x1bA\x1b\x1bB\x1b") == "A B"
    assert to_gsm("привет") is None
    assert pieces("a" * 160) == (GSM, [b"a" * 160])
    assert [len(one) for one in pieces("a" * 152 + "€" + "b" * 10)[1]] == [152, 12]
    assert [len(one) for one in pieces("я" * 66 + "😀" + "я" * 10)[1]] == [132, 24]


@pytest.mark.parametrize(
    ("coding", "data", "text"),
    [(1, b"a", "a"), (6, b"\xbf", "П"), (8, b"\x04\x1f", "П"), (0xF0, b"\0", "@"), (0xE0, b"\x04\x1f", "П"),
     (2, b"a", None), (4, b"a", None), (0xF5, b"a", None)],
)  # fmt: skip
def test_codings(coding: int, data: bytes, text: str | None) -> None:
    assert decoded(data, coding, "gsm") == text
    assert decoded(b"\xe9", 0, "latin-1") == "é"


@pytest.mark.parametrize(
    ("said", "state", "at"),
    [
        (b"id:7 sub:001 dlvrd:001 submit date:2601150955 done date:2601151000 stat:DELIVRD err:000 text:id:9",
         "delivered", datetime(2026, 1, 15, 10, tzinfo=UTC)),
        (b"id:7 done date:260115100001 stat:undeliv err:12 Text:x", "failed",
         datetime(2026, 1, 15, 10, 0, 1, tzinfo=UTC)),
        (b"id:7 done date:9999999999 stat:WHAT", None, None),
    ],
)  # fmt: skip
def test_receipts_as_text(said: bytes, state: str | None, at: datetime | None) -> None:
    told = receipt_in(Message(ANNA, SCHOOL, said, 4), "UTC")
    assert (told.id, told.status, told.at) == ("7", state, at)


@pytest.mark.parametrize(
    ("sender", "sort", "address"),
    [
        ("5550", "auto", Address("5550", 3, 0)),
        ("+442079460958", "auto", Address("442079460958", 1, 1)),
        ("School", "auto", Address("School", 5, 0)),
        ("5550", "unknown", Address("5550", 0, 0)),
        ("112", "name", Address("112", 5, 0)),
    ],
)
def test_senders(sender: str, sort: str, address: Address) -> None:
    assert source_of(Settings({"sender": sender, "sender_type": sort})) == address
