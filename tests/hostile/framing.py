"""HTTP that is not as it should be: framing, sizes of heads, patience, methods, paths."""

from collections.abc import Mapping

from tests.hostile.attack import Attack, Run, nothing_stored
from tests.hostile.target import Target, told

_HOST = b"Host: hub.test\r\n"
_FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
_POST = b"POST /in/main-site HTTP/1.1\r\n" + _HOST + _FORM
_BODY = b"your-name=Smuggled"


def _bytes(*pieces: bytes, pause: float = 0.0, within: float = 15.0) -> Run:
    async def run(target: Target) -> str:
        return await target.raw(*pieces, pause=pause, within=within)

    return nothing_stored(run)


def _asked(method: str, path: str, headers: Mapping[str, str] | None = None) -> Run:
    async def run(target: Target) -> str:
        return told(await target.send(method, path, headers=headers))

    return nothing_stored(run)


def _trickle(start: bytes, piece: bytes) -> Run:
    """One piece every half second, longer than any client needs."""
    return _bytes(start, *[piece] * 60, pause=0.5)


async def _shorter_length(target: Target) -> str:
    """What follows the body that was announced is a request of its own, and none at that."""
    return await target.raw(_POST + b"Content-Length: 5\r\n\r\n" + b"a=b&c" + b"your-name=Smuggled\r\n\r\n")


async def _in_pipeline(target: Target) -> str:
    one = _POST + b"Accept: application/json\r\nContent-Length: 11\r\n\r\nquestion=42"
    last = b"GET /livez HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n"
    answers = await target.raw(one * 20, last)
    return "each answered" if answers == " ".join(["200"] * 21 + ["closed"]) else answers


FRAMING = [
    Attack(
        "framing",
        "Content-Length and Transfer-Encoding together",
        "400 closed",
        _bytes(
            _POST
            + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\n\r\n"
        ),
    ),
    Attack(
        "framing",
        "two lengths",
        "400 closed",
        _bytes(_POST + b"Content-Length: 18\r\nContent-Length: 0\r\n\r\n" + _BODY),
    ),
    Attack(
        "framing",
        "an encoding that is nearly chunked",
        "(400|501) closed",
        _bytes(_POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ),
    Attack(
        "framing",
        "a chunk of no size",
        "400 closed",
        _bytes(_POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + _BODY),
    ),
    Attack(
        "framing",
        "a blank before the colon",
        "400 closed",
        _bytes(_POST + b"Content-Length : 18\r\n\r\n" + _BODY),
    ),
    Attack(
        "framing", "NUL in a header", "400 closed", _bytes(_POST + b"X-A: a\0b\r\nContent-Length: 0\r\n\r\n")
    ),
    Attack("framing", "a negative length", "400 closed", _bytes(_POST + b"Content-Length: -1\r\n\r\n")),
    Attack(
        "framing", "not HTTP at all", "400 closed", _bytes(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
    ),
    Attack("framing", "more sent than announced", "(200 )?400 closed", _shorter_length),
    Attack("framing", "twenty requests at once", "each answered", _in_pipeline),
    Attack(
        "head",
        "one header of 1 MB",
        "431 closed",
        _bytes(_POST + b"X-Large: " + b"a" * 1_000_000 + b"\r\nContent-Length: 0\r\n\r\n"),
    ),
    Attack("head", "100,000 headers", "431 closed", _bytes(_POST + b"X-A: b\r\n" * 100_000 + b"\r\n")),
    Attack(
        "head",
        "an address of 1 MB",
        "431 closed",
        _bytes(b"GET /in/" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n"),
    ),
    Attack("patience", "a header every half second", "408 closed", _trickle(_POST, b"X-A: b\r\n"), slow=True),
    Attack(
        "patience",
        "a byte of the body every half second",
        "408 closed",
        _trickle(_POST + b"Content-Length: 9000\r\n\r\n", b"a"),
        slow=True,
    ),
    Attack(
        "patience",
        "a length that is a lie",
        "408 closed",
        _bytes(_POST + b"Content-Length: 9000\r\n\r\n" + _BODY),
        slow=True,
    ),
    Attack(
        "patience",
        "a chunk that never ends",
        "408 closed",
        _bytes(_POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"),
        slow=True,
    ),
    Attack("patience", "a connection that says nothing", "closed", _bytes(b""), slow=True),
    Attack("method", "GET where forms are posted", "405( page)?", _asked("GET", "/in/main-site")),
    Attack(
        "method",
        "another method in a header",
        "405( page)?",
        _asked("GET", "/in/main-site", {"X-HTTP-Method-Override": "POST"}),
    ),
    Attack("method", "TRACE", "405 method", _asked("TRACE", "/in/main-site", {"Accept": "application/json"})),
    Attack(
        "method",
        "CONNECT",
        "(400|404|405).*",
        _bytes(b"CONNECT evil.test:443 HTTP/1.1\r\n" + _HOST + b"\r\n", within=2),
    ),
    Attack("method", "DELETE of a list", "405", _asked("DELETE", "/api/leads/leads")),
    Attack("path", "up and out of an inlet", "404", _asked("GET", "/in/../../secrets/admin.token")),
    Attack(
        "path", "the same, encoded", "404 path", _asked("GET", "/in/%2e%2e%2f%2e%2e%2fsecrets%2fadmin.token")
    ),
    Attack(
        "path",
        "up and out of the mailbox",
        "404.*",
        _asked("GET", "/mailbox/..%2f..%2fsecrets%2fadmin.token"),
    ),
    Attack("path", "a letter by absolute path", "404.*", _asked("GET", "/mailbox/%2fetc%2fpasswd/raw")),
    Attack("path", "a letter with NUL in its name", "404.*", _asked("GET", "/mailbox/%00.eml")),
    Attack(
        "path",
        "somebody else's host",
        "404.*",
        _bytes(b"GET http://169.254.169.254/latest HTTP/1.1\r\n" + _HOST + b"Connection: close\r\n\r\n"),
    ),
    Attack("path", "NUL for a channel", "404 path", _asked("POST", "/in/%00")),
    Attack("path", "broken UTF-8 for a channel", "404 path", _asked("POST", "/in/%ff%fe")),
]
