import pytest

from services.connectors.catalog.kinds import catalogue
from services.connectors.domain import Delivery, Settings
from services.connectors.errors import Unreadable
from services.connectors.reading.mail.automatic import why_automatic
from services.connectors.reading.mail.headers import Mailbox, mailboxes, message_ids, moment, text_of
from services.connectors.reading.mail.markup import text_of_html
from services.connectors.reading.mail.message import read_mail
from services.connectors.reading.mail.quoting import without_quotes
from tests.connectors.fixtures import AT

PLAIN = b"From: Anna <anna@example.com>\r\nSubject: Hi\r\nMessage-ID: <1@x>\r\n\r\nHello\r\n"


@pytest.mark.parametrize(
    ("raw", "boxes"),
    [
        ("anna@example.com", [("", "anna@example.com")]),
        ("<anna@example.com>", [("", "anna@example.com")]),
        ("Anna Lee <anna@example.com>", [("Anna Lee", "anna@example.com")]),
        ('"Lee, Anna" <anna@example.com>, tom@x.org', [("Lee, Anna", "anna@example.com"), ("", "tom@x.org")]),
        ("anna@example.com (Anna Lee)", [("Anna Lee", "anna@example.com")]),
        ("anna@example.com tom@example.com", [("", "anna@example.com")]),
        ('"anna@evil.example" <anna@example.com>', [("anna@evil.example", "anna@example.com")]),
        ("undisclosed-recipients:;", []),
        ("Anna <>", [("Anna", "")]),
        ("", []),
        ('"unclosed <anna@example.com>', [("unclosed", "anna@example.com")]),
        ("=?utf-8?q?Lee=2C_Anna?= <anna@example.com>", [("Lee, Anna", "anna@example.com")]),
    ],
)
def test_mailboxes_are_split_before_they_are_decoded(raw: str, boxes: list[tuple[str, str]]) -> None:
    assert mailboxes(raw) == [Mailbox(*box) for box in boxes]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("=?utf-8?B?0K8=?=", "Я"),
        ("=?UTF-8?b?0K8?=", "Я"),
        ("=?koi8-r?Q?=F1=20x?= y", "Я x y"),
        ("=?utf-8?B?0K8=?= =?utf-8?B?0K8=?=", "ЯЯ"),
        ("=?utf-8*ru?Q?=D0=AF?=", "Я"),
        ("=?utf-8?B?@@@?=", ""),
        ("=?broken", "=?broken"),
        ("=?x-nope?Q?abc?=", "abc"),
        ("a  b", "a b"),
    ],
)
def test_encoded_words_are_decoded_even_when_they_are_broken(raw: str, text: str) -> None:
    assert text_of(raw) == text


def test_message_ids_lose_their_brackets_and_keep_their_order() -> None:
    assert message_ids("<a@x> <b@y>\r\n <a@x>") == ["a@x", "b@y"]
    assert message_ids("a@x, b@y") == ["a@x", "b@y"]
    assert message_ids("no id here") == []


def test_a_date_without_sense_is_none() -> None:
    assert moment("Thu, 15 Jan 2026 13:00:00 +0300") == AT
    for raw in ("", "yesterday", "32 Foo 2026 99:00", "Thu, 15 Jan 99999 13:00:00 +0300"):
        assert moment(raw) is None


def test_a_null_envelope_sender_marks_automatic_mail_and_an_unknown_one_does_not() -> None:
    mail = read_mail(PLAIN)
    assert why_automatic(mail, "") is not None
    assert why_automatic(mail, "<>") is not None
    assert why_automatic(mail, None) is None
    assert why_automatic(mail, "anna@example.com") is None


@pytest.mark.parametrize(
    ("header", "automatic"),
    [
        ("Auto-Submitted: auto-generated", True),
        ("Auto-Submitted: auto-notified; owner=x", True),
        ("auto-submitted: NO", False),
        ("Auto-Submitted: no (a person)", False),
        ("Precedence: list", True),
        ("Precedence: first-class", False),
        ("X-Auto-Response-Suppress: All", False),
        ("X-Autorespond: 1", True),
        ("Return-Path: <>", True),
        ("Return-Path: <anna@example.com>", False),
        ("List-Id: <x.y>", True),
    ],
)
def test_automatic_mail_is_known_by_its_headers(header: str, automatic: bool) -> None:
    mail = read_mail(header.encode() + b"\r\n" + PLAIN)
    assert (why_automatic(mail, None) is not None) == automatic


def test_a_bounce_that_replies_to_our_mail_is_ignored_with_the_envelope_alone() -> None:
    kind = catalogue()["smtp"]
    body = PLAIN.replace(b"Subject", b"In-Reply-To: <ours@school.example>\r\nSubject")
    delivery = Delivery("info", "smtp", body, AT, {"mail-from": "", "rcpt-to": "info@school.example"})
    assert kind.parse(delivery, Settings()).event == "automatic"


def test_the_envelope_sender_stands_in_for_a_missing_author() -> None:
    delivery = Delivery("info", "smtp", b"Subject: x\r\n\r\nhi", AT, {"mail-from": "Anna@Example.com"})
    [touch] = catalogue()["smtp"].parse(delivery, Settings()).touches
    assert touch.conversation == "email:anna@example.com"


def test_a_mail_without_an_id_gets_the_same_one_on_every_way() -> None:
    raw = PLAIN.replace(b"Message-ID: <1@x>\r\n", b"")
    again = b"Received: from a by b\r\n" + raw
    assert read_mail(raw).derived_id() == read_mail(again).derived_id()
    assert read_mail(raw.replace(b"Hello", b"Bye")).derived_id() != read_mail(raw).derived_id()


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Yes.\n\nOn Mon, Tom <t@x.org> wrote:\n> Well?", "Yes."),
        ("Yes.\n\nAm Mo., 5. Jan. 2026 schrieb Tom:\n> Na?", "Yes.\n\nAm Mo., 5. Jan. 2026 schrieb Tom:"),
        ("Да.\n\n14.01.2026 18:00, Школа пишет:\n> Ну?", "Да."),
        ("Да.\n\n-------- Исходное сообщение --------\nОт: x\n\nНу?", "Да."),
        ("Да.\n\nОт: Школа\nОтправлено: среда\nКому: Анна\nТема: x\n\nНу?", "Да."),
        ("> Well?\nYes.\n> And?\nNo.", "Yes.\nNo."),
        ("> only quoted", "> only quoted"),
        ("From: here we go\nit is fine", "From: here we go\nit is fine"),
        ("", ""),
    ],
)
def test_quoted_text_is_left_out(text: str, own: str) -> None:
    assert without_quotes(text) == own


def test_a_forwarded_mail_stays_whole() -> None:
    text = "See below\n\nFrom: Anna\nSent: today\nTo: Tom\nSubject: x\n\nHello"
    assert without_quotes(text, "Fwd: x") == text
    assert without_quotes(text, "Re: x") == "See below"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>a</p><p>b &amp; c</p>", "a\nb & c"),
        ("<style>p{}</style>a<br>b", "a\nb"),
        ("a <b>bold</b> word", "a bold word"),
        ("<blockquote>said</blockquote>mine", "> said\nmine"),
        ("<![if !x]>a<![endif]>", "a"),
        ("", ""),
    ],
)
def test_html_becomes_the_words_a_reader_sees(markup: str, text: str) -> None:
    assert text_of_html(markup) == text


def test_a_mail_of_ten_thousand_nested_parts_does_not_end_the_reader() -> None:
    head = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(3000)
    )
    delivery = Delivery("info", "smtp", b"From: a@b.org\r\n" + head, AT)
    with pytest.raises(Unreadable):
        catalogue()["smtp"].parse(delivery, Settings())


def test_a_sender_in_bytes_that_are_no_text_is_read_all_the_same() -> None:
    body = b"Return-Path: <anna@\x80>\r\nSubject: Lesson\r\n\r\nHello\r\n"
    [touch] = catalogue()["imap"].parse(Delivery("inbox", "imap", body, AT), Settings()).touches
    [sender] = touch.identities
    assert sender.value.startswith("anna@")
    assert sender.value.encode()
