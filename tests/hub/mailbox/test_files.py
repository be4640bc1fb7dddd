from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.hub.mailbox.files import Mailbox
from tests.support.examples import examples

NOON = datetime(2025, 3, 3, 12, tzinfo=UTC)
LETTER = (
    b"From: Riverside <hello@school.example>\r\nTo: ann@client.example\r\n"
    b"Subject: =?utf-8?b?0J/RgNC40LLQtdGC?=\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
)


def keep(mailbox: Mailbox, content: bytes = LETTER, *, second: int = 0, token: str = "00000000") -> str:
    return mailbox.keep(
        content,
        sender="hello@school.example",
        recipients=["ann@client.example"],
        now=NOON + timedelta(seconds=second),
        token=token,
    )


def test_a_letter_is_kept_and_read_back(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path / "mailbox")
    caught = mailbox.read(keep(mailbox))
    assert caught
    assert caught.summary.subject == "Привет"
    assert caught.summary.recipient == "ann@client.example"
    assert caught.summary.received_at == NOON
    assert caught.text == "Hello\r\n"
    assert caught.raw.endswith(LETTER)


def test_the_newest_comes_first(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    names = [keep(mailbox, second=second) for second in (0, 2, 1)]
    assert mailbox.names() == [names[1], names[2], names[0]]
    assert [one.name for one in mailbox.list(limit=1, offset=1)] == [names[2]]


def test_an_empty_or_missing_folder_has_no_letters(tmp_path: Path) -> None:
    assert Mailbox(tmp_path / "none").list() == []


def test_drafts_and_strange_files_are_no_letters(tmp_path: Path) -> None:
    (tmp_path / ".20250303T120000.000000Z-00000000.eml").write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("x")
    assert Mailbox(tmp_path).names() == []


def test_a_name_that_is_taken_is_an_error_and_leaves_the_letter_alone(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    (tmp_path / ".20250303T120000.000000Z-00000000.eml").write_bytes(b"half")
    with pytest.raises(OSError, match="exists"):
        keep(mailbox)
    assert (tmp_path / ".20250303T120000.000000Z-00000000.eml").read_bytes() == b"half"


@pytest.mark.parametrize(
    "name", ["../secret", "/etc/passwd", "", ".", "x.eml", "20250303T120000.000000Z-00000000.eml/.."]
)
def test_only_names_of_letters_are_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.eml").write_bytes(LETTER)
    assert Mailbox(tmp_path).read(name) is None


def test_an_envelope_cannot_add_headers(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    name = mailbox.keep(LETTER, sender="a\r\nEvil: 1", recipients=["b\nEvil: 2"], now=NOON, token="0" * 8)
    caught = mailbox.read(name)
    assert caught
    assert "Evil" not in dict(caught.headers)


@given(st.binary(max_size=2000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(200))
def test_whatever_came_can_be_listed_and_read(tmp_path: Path, content: bytes) -> None:
    mailbox = Mailbox(tmp_path)
    name = keep(mailbox, content)
    assert mailbox.list(1)
    caught = mailbox.read(name)
    assert caught
    assert caught.raw.endswith(content)


@pytest.mark.parametrize(
    "content",
    [
        b"Content-Type: text/plain; charset=no-such\r\n\r\n\xff\xfe",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x--",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"Subject: =?utf-8?q?=ff=fe?= =?nope?b?x?=\r\n\r\n",
        b"Subject: \xff\xfe\r\n\r\n",
    ],
)
def test_broken_letters_are_shown_as_far_as_possible(tmp_path: Path, content: bytes) -> None:
    mailbox = Mailbox(tmp_path)
    caught = mailbox.read(keep(mailbox, content))
    assert caught
    caught.summary.subject.encode()
    caught.text.encode()
