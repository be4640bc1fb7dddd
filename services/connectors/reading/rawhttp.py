"""A recorded HTTP request: request line, headers, an empty line, the body. Source: RFC 9112."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from services.connectors.domain.exchange import Answer
from services.connectors.errors import Unreadable

_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Request:
    """A request with lower-case header names."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


def read_http(raw: bytes) -> Request:
    """The request in a `.http` file, written by hand or recorded. Raises Unreadable.

    Line ends may be LF. With Content-Length the body ends there; else one line end at the end of
    the file is the editor's, and the lines of a multipart body get the CRLF they need.
    """
    head, body = (*_HEAD_END.split(raw, 1), b"")[:2]
    lines = [line for line in head.decode("latin-1").splitlines() if not line.startswith("#")]
    words = lines[0].split() if lines else []
    if len(words) < 2 or not words[0].isalpha():
        raise Unreadable("the first line must be a request line such as: POST /in/site HTTP/1.1")
    headers = _headers(lines[1:])
    path, _, query = words[1].partition("?")
    return Request(words[0].upper(), path, query, headers, _body(body, headers))


def _headers(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise Unreadable("a header line must be: Name: value")
        found[name.strip().lower()] = value.strip()
    return found


def _body(body: bytes, headers: Mapping[str, str]) -> bytes:
    length = headers.get("content-length", "")
    if length.isdecimal():
        return body[: int(length)]
    body = body.removesuffix(b"\n").removesuffix(b"\r")
    if headers.get("content-type", "").startswith("multipart/") and b"\r\n" not in body:
        body = body.replace(b"\n", b"\r\n") + b"\r\n"
    return body


def read_answer(raw: bytes) -> Answer:
    """The answer in a `.http` file: a status line, headers, an empty line, the body. Raises Unreadable."""
    head, body = (*_HEAD_END.split(raw, 1), b"")[:2]
    lines = [line for line in head.decode("latin-1").splitlines() if not line.startswith("#")]
    words = lines[0].split() if lines else []
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdecimal():
        raise Unreadable("the first line must be a status line such as: HTTP/1.1 200 OK")
    headers = _headers(lines[1:])
    return Answer(int(words[1]), headers, _body(body, headers))
