from pathlib import Path

import aiosmtplib
import pytest

from services.hub.mailbox.files import Mailbox
from services.hub.mailbox.server import Catcher

LETTER = b"From: hello@school.example\r\nTo: ann@client.example\r\nSubject: Hi\r\n\r\n.Hello\r\n"


async def send(catcher: Catcher, content: bytes = LETTER) -> None:
    client = aiosmtplib.SMTP(hostname=catcher.host, port=catcher.port, start_tls=False)
    async with client:
        await client.sendmail("hello@school.example", ["ann@client.example"], content)


async def test_a_letter_is_on_disk_when_the_server_says_so(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    catcher = Catcher(mailbox)
    await catcher.start()
    try:
        await send(catcher)
        [summary] = mailbox.list()
    finally:
        await catcher.stop()
    caught = mailbox.read(summary.name)
    assert caught
    assert caught.raw.endswith(LETTER)
    assert (summary.sender, summary.recipient) == ("hello@school.example", "ann@client.example")


async def test_letters_of_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path)
    catcher = Catcher(mailbox)
    await catcher.start()
    try:
        for _ in range(20):
            await send(catcher)
    finally:
        await catcher.stop()
    assert len(mailbox.names()) == 20


async def test_a_mailbox_that_cannot_be_written_to_refuses_for_now(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    catcher = Catcher(Mailbox(tmp_path / "file"))
    await catcher.start()
    try:
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await send(catcher)
    finally:
        await catcher.stop()
    assert refused.value.code == 452


async def test_a_port_that_is_taken_is_an_error(tmp_path: Path) -> None:
    first = Catcher(Mailbox(tmp_path))
    await first.start()
    try:
        with pytest.raises(OSError, match="in use"):
            await Catcher(Mailbox(tmp_path), port=first.port).start()
    finally:
        await first.stop()


async def test_stopping_hangs_up_on_whoever_is_connected(tmp_path: Path) -> None:
    catcher = Catcher(Mailbox(tmp_path))
    await catcher.start()
    client = aiosmtplib.SMTP(hostname=catcher.host, port=catcher.port, start_tls=False)
    await client.connect()
    await catcher.stop()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await client.noop()
    client.close()
