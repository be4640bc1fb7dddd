"""Caught letters: one .eml file each in one folder, whole or not there at all."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser
from pathlib import Path

_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.eml", re.ASCII)
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_ENVELOPE = ("X-Envelope-From", "X-Envelope-To")


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of a listing. `name` is what `read` takes; the time is UTC."""

    name: str
    received_at: datetime
    sender: str
    recipient: str
    subject: str
    size: int


@dataclass(frozen=True, slots=True)
class Caught:
    """One letter: what a person reads, and the whole of it as it came."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str | None
    raw: bytes


class Mailbox:
    """A folder of letters. Any number of processes may read it while one adds to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, content: bytes, *, sender: str, recipients: list[str], now: datetime, token: str) -> str:
        """Write a letter to disk for good and return its name. Raises OSError.

        The envelope is put on top as headers. `token` is eight hex digits that tell letters of one
        microsecond apart.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        name = f"{now.astimezone(UTC).strftime(_STAMP)}-{token}.eml"
        draft = self.folder / f".{name}"
        envelope = zip(_ENVELOPE, (sender, ", ".join(recipients)), strict=True)
        head = "".join(f"{header}: {_one_line(value)}\r\n" for header, value in envelope)
        file = draft.open("xb")
        try:
            with file:
                file.write(head.encode("utf-8", "replace") + content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self.folder / name)
            self._settle()
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return name

    def names(self) -> list[str]:
        """The names of all letters, the newest first."""
        if not self.folder.is_dir():
            return []
        with os.scandir(self.folder) as entries:
            return sorted((one.name for one in entries if _NAME.fullmatch(one.name)), reverse=True)

    def list(self, limit: int = 50, offset: int = 0) -> "list[Summary]":
        """The newest letters."""
        found = (self._summary(name) for name in self.names()[offset : offset + limit])
        return [summary for summary in found if summary]

    def read(self, name: str) -> Caught | None:
        """One letter; None when there is none of this name."""
        if not _NAME.fullmatch(name):
            return None
        try:
            raw = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        message = message_from_bytes(raw)
        return Caught(
            _summarized(name, message, len(raw)),
            tuple((key, _shown(value)) for key, value in message.items()),
            _content(message, "text/plain") or "",
            _content(message, "text/html"),
            raw,
        )

    def _summary(self, name: str) -> Summary | None:
        try:
            with (self.folder / name).open("rb") as file:
                headers = BytesHeaderParser().parse(file)
                size = os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            return None
        return _summarized(name, headers, size)

    def _settle(self) -> None:
        """The rename is on disk only when the folder is."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _summarized(name: str, message: Message, size: int) -> Summary:
    received_at = datetime.strptime(name.split("-")[0], _STAMP).replace(tzinfo=UTC)
    sender, recipient = (_shown(message.get(header, "")) for header in _ENVELOPE)
    return Summary(name, received_at, sender, recipient, _shown(message.get("Subject", "")), size)


def _content(message: Message, kind: str) -> str | None:
    """The first part of this kind as text, whatever charset it claims; broken bytes are replaced."""
    for part in message.walk():
        if part.get_content_type() != kind or part.get_content_disposition() == "attachment":
            continue
        body = part.get_payload(decode=True)
        if isinstance(body, bytes):
            return _decoded(body, part)
    return None


def _decoded(body: bytes, part: Message) -> str:
    try:
        return body.decode(part.get_content_charset("utf-8"), "replace")
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")


def _shown(value: object) -> str:
    """A header as people read it, on one line; as it came where that is not possible."""
    text = str(value)
    with suppress(MessageError, LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    clean = text.encode("utf-8", "replace").decode()
    return _one_line(clean)


def _one_line(text: str) -> str:
    return " ".join(re.sub(r"[\x00-\x1f\x7f]+", " ", text).split())
