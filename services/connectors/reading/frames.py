"""Streams fall into frames, wherever the network cuts them. A frame is one delivery.

Sources: Asterisk Manager Interface (blocks), FreeSWITCH event socket (esl), SMPP 3.4 (length first).
"""

import re
from collections.abc import Callable
from typing import Protocol

from services.connectors.errors import Unreadable

LONGEST = 4 * 1024 * 1024
_BLANK = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,8})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_PDU = range(16, 64 * 1024)


class Frames(Protocol):
    """Takes bytes as they come and gives frames as they are complete."""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that these bytes complete. Raises Unreadable when no frame can come of it."""
        ...


class _Cut:
    """Cuts frames off the front of what has come."""

    def __init__(self, cut: Callable[[bytes], tuple[bytes, int] | None]) -> None:
        self._cut = cut
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that these bytes complete; empty ones are left out."""
        self._rest += data
        found: list[bytes] = []
        start = 0
        view = self._rest
        while (cut := self._cut(view[start:] if start else view)) is not None:
            frame, length = cut
            start += length
            if frame.strip(b"\r\n"):
                found.append(frame)
        self._rest = view[start:]
        if len(self._rest) > LONGEST:
            raise Unreadable(f"a frame is longer than {LONGEST} bytes")
        return found


def _line(data: bytes) -> tuple[bytes, int] | None:
    end = data.find(b"\n")
    return (data[:end].rstrip(b"\r"), end + 1) if end >= 0 else None


def _block(data: bytes) -> tuple[bytes, int] | None:
    """Lines up to an empty one. The banner, one line without a colon, is a frame of its own."""
    line = _line(data)
    if line is not None and b":" not in line[0]:
        return line
    end = _BLANK.search(data)
    # CR LF CR and no more yet: the LF belongs to this end.
    return (data[: end.start()], end.end()) if end else None


def _event(data: bytes) -> tuple[bytes, int] | None:
    """Headers, an empty line, and as many bytes as Content-Length says."""
    if data[:1] in (b"\n", b"\r"):
        end = len(data) - len(data.lstrip(b"\r\n"))
        return b"", end
    end_of_head = _BLANK.search(data)
    if end_of_head is None:
        return None
    length = _LENGTH.search(data, 0, end_of_head.start() + 1)
    size = int(length[1]) if length else 0
    if size > LONGEST:
        raise Unreadable(f"a frame is longer than {LONGEST} bytes")
    whole = end_of_head.end() + size
    return (data[:whole], whole) if len(data) >= whole else None


def _pdu(data: bytes) -> tuple[bytes, int] | None:
    """Four bytes that give the length of the whole."""
    if len(data) < 4:
        return None
    size = int.from_bytes(data[:4], "big")
    if size not in _PDU:
        raise Unreadable("the stream is out of step: no unit has this length")
    return (data[:size], size) if len(data) >= size else None


FRAMINGS: dict[str, Callable[[bytes], tuple[bytes, int] | None]] = {
    "lines": _line,
    "blocks": _block,
    "esl": _event,
    "hex": _pdu,
}


def frames_of(framing: str) -> Frames:
    """A cutter for a framing."""
    return _Cut(FRAMINGS[framing])


def transcript(framing: str, raw: bytes) -> list[bytes]:
    """The frames in a recorded stream; lines that begin with # are remarks. Raises Unreadable.

    Units of bytes (`hex`) are recorded as hexadecimal digits, one unit a line.
    """
    lines = [line for line in raw.splitlines(keepends=True) if not line.startswith(b"#")]
    if framing == "hex":
        try:
            return [bytes.fromhex(line.decode("ascii")) for line in lines if line.strip()]
        except ValueError:
            raise Unreadable("a line holds other than hexadecimal digits") from None
    whole = b"".join(lines)
    ending = b"\r\n\r\n" if framing == "blocks" else b"\n"
    return frames_of(framing).feed(whole + ending)
