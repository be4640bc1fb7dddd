from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifications.content.mime import Letter, Mailbox, compose, one_line, usable_address

LETTER = Letter(
    sender=Mailbox("Riverside School", "hello@school.example"),
    reply_to="desk@school.example",
    recipient="ann@client.example",
    subject="Thank you",
    text="Hello Ann",
    html=None,
    message_id="0c3f2f53-51d5-5b0e-8f1f-0f1b7a6f9a52.thanks@school.example",
    unsubscribe_url="https://crm.school.example/api/notifications/unsubscribe/" + "a" * 43,
    written_at=datetime(2025, 3, 3, 12, tzinfo=UTC),
)


def parsed(letter: Letter) -> EmailMessage:
    return message_from_bytes(compose(letter), policy=SMTP)


def test_a_letter_has_the_headers_it_owes() -> None:
    message = parsed(LETTER)
    assert message["Message-ID"] == f"<{LETTER.message_id}>"
    assert message["List-Unsubscribe"] == f"<{LETTER.unsubscribe_url}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Reply-To"] == "desk@school.example"
    assert message["Date"].datetime == LETTER.written_at
    assert message["From"].addresses[0].display_name == "Riverside School"
    assert message["Auto-Submitted"] is None
    assert message.defects == []


def test_long_tokens_stay_on_one_line_in_plain_ascii() -> None:
    lines = compose(LETTER).split(b"\r\n")
    assert f"List-Unsubscribe: <{LETTER.unsubscribe_url}>".encode() in lines
    assert f"Message-ID: <{LETTER.message_id}>".encode() in lines


def test_html_comes_beside_the_text() -> None:
    message = parsed(replace(LETTER, html="<p>Hello</p>"))
    assert message.get_content_type() == "multipart/alternative"
    assert message.get_body(("plain",)).get_content() == "Hello Ann\r\n"  # type: ignore[union-attr]
    assert message.get_body(("html",)).get_content() == "<p>Hello</p>\r\n"  # type: ignore[union-attr]


def test_the_same_letter_has_the_same_bytes() -> None:
    letter = replace(LETTER, html="<p>Hello</p>")
    assert compose(letter) == compose(letter)


def test_words_outside_ascii_survive() -> None:
    subject = "Спасибо за заявку: перезвоним завтра утром и обсудим всё остальное, до встречи! 🎉"
    message = parsed(replace(LETTER, subject=subject, text="Здравствуйте, 你好"))
    assert message["Subject"] == subject
    assert message.get_content() == "Здравствуйте, 你好\r\n"
    assert compose(replace(LETTER, subject=subject)).isascii()


NASTY = ["a\r\nBcc: evil@x.example", "a\nX: y", "a\rX: y", "a\x0bX: y", "a\u2028X: y", "a\x85X: y", "a\x00b"]


@pytest.mark.parametrize("nasty", NASTY)
def test_no_value_can_start_a_header_of_its_own(nasty: str) -> None:
    letter = replace(
        LETTER,
        subject=nasty,
        sender=Mailbox(nasty, "hello@school.example"),
        reply_to=f"desk@school.example{nasty}",
        recipient=f"ann@client.example{nasty}",
    )
    assert parsed(letter).keys() == parsed(LETTER).keys()


@given(subject=st.text(max_size=300), name=st.text(max_size=100), text=st.text(max_size=500))
def test_whatever_stands_in_it_a_letter_can_be_read_back(subject: str, name: str, text: str) -> None:
    letter = replace(LETTER, subject=subject, sender=Mailbox(name, "hello@school.example"), text=text)
    raw = compose(letter)
    message = message_from_bytes(raw, policy=SMTP)
    assert message.keys() == parsed(LETTER).keys()
    assert message["From"].addresses[0].addr_spec == "hello@school.example"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "text", ["", "no address", "a@b", "a b@c.de", "a@b.de\r\nBcc: c@d.de", "<a@b.de>", "x" * 400]
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert usable_address(text) is None


def test_addresses_go_out_with_an_ascii_domain() -> None:
    assert usable_address(" Ivan@Пример.рф ") == "Ivan@xn--e1afmkfd.xn--p1ai"
    assert usable_address("иван@пример.рф") == "иван@xn--e1afmkfd.xn--p1ai"


def test_one_line_has_no_breaks() -> None:
    assert one_line(" a\r\n\tb\u2029c ") == "a b c"
