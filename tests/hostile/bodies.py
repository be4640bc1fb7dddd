"""Bodies that are too large, too deep, too many, packed, or in no charset."""

import gzip
import json
from collections.abc import Mapping

from tests.hostile.attack import Attack, Run, nothing_stored
from tests.hostile.target import FORM, Target, told

_JSON = "application/json"
_MULTIPART = "multipart/form-data; boundary=b"
_UNREADABLE = "200 failed .*"
_MIB = 1024 * 1024


def _form(body: bytes, content_type: str = FORM) -> Run:
    """What the inlet answers, and what became of the delivery."""

    async def run(target: Target) -> str:
        return await target.fate(await target.post_form(body, content_type))

    return run


def _refused(body: bytes, headers: Mapping[str, str] | None = None) -> Run:
    async def run(target: Target) -> str:
        named = {"Content-Type": FORM, "Accept": _JSON, **(headers or {})}
        return told(await target.send("POST", "/in/main-site", body, named))

    return nothing_stored(run)


def _api(method: str, path: str, body: object, *, stranger: bool = False) -> Run:
    async def run(target: Target) -> str:
        return told(await target.api(method, path, body, token=None if stranger else ""))

    return nothing_stored(run)


async def _without_length(target: Target) -> str:
    head = b"POST /in/main-site HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    return await target.raw(head, *[chunk] * 320, within=2)


def _part(name: str, value: str = "x", file: str | None = None) -> str:
    named = f'; filename="{file}"' if file is not None else ""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n{value}\r\n'


def _deep(levels: int) -> bytes:
    return b'{"a":' + b"[" * levels + b"]" * levels + b"}"


BODIES = [
    Attack("size", "20 MB with its length", "413.*", _refused(b"a" * (20 * _MIB))),
    Attack("size", "20 MB in chunks, no length", "413.*", nothing_stored(_without_length)),
    Attack("size", "JSON nested 100,000 deep", _UNREADABLE, _form(_deep(100_000), _JSON)),
    Attack(
        "size",
        "JSON with a million keys",
        _UNREADABLE,
        _form(("{" + ",".join(f'"{n}":1' for n in range(700_000)) + "}").encode(), _JSON),
    ),
    Attack(
        "size", "a number of 100,000 digits", "200 accepted", _form(b'{"n":' + b"9" * 100_000 + b"}", _JSON)
    ),
    Attack("size", "a million form fields", _UNREADABLE, _form(b"&".join([b"a=b"] * 1_000_000))),
    Attack(
        "size",
        "multipart with 100,000 parts",
        _UNREADABLE,
        _form("".join(_part(f"f{n}") for n in range(100_000)).encode() + b"--b--\r\n", _MULTIPART),
    ),
    Attack(
        "size",
        "multipart with a boundary of 5,000 characters",
        "200 (failed|accepted).*",
        _form(b"--" + b"b" * 5000 + b"--", "multipart/form-data; boundary=" + "b" * 5000),
    ),
    Attack(
        "size",
        "100 MB packed into 100 KB",
        "415.*",
        _refused(gzip.compress(b"a" * (100 * _MIB), 1)[:400_000], {"Content-Encoding": "gzip"}),
    ),
    Attack(
        "charset", "bytes of no charset", "200 accepted", _form(b"your-name=%FF%FE%00%C3%28&question=%E2%82")
    ),
    Attack(
        "charset",
        "a charset that is a codec trick",
        "200 accepted",
        _form(b"your-name=Sam", f"{FORM}; charset=rot13"),
    ),
    Attack(
        "charset",
        "UTF-16 with a mark",
        "200 (accepted|failed.*)",
        _form('\ufeff{"your-name": "Sam"}'.encode("utf-16"), _JSON),
    ),
    Attack("charset", "overlong UTF-8", "200 accepted", _form(b"your-name=%C0%AE%C0%AE%2F")),
    Attack("charset", "NUL in a value", "200 accepted", _form(b"your-name=Sa%00m&question=a%00b")),
    Attack("charset", "NUL in a field's name", "200 accepted", _form(b"own%00field=1&your-name=Sam")),
    Attack(
        "charset",
        "NUL and half a pair in JSON",
        "200 accepted",
        _form(rb'{"your-name":"\u0000Sa\ud800m","k\u0000\udc00":"\ud800"}', _JSON),
    ),
    Attack(
        "charset",
        "right-to-left and other controls",
        "200 accepted",
        _form("your-name=\u202eevil\u0007\u001b[31m".encode()),
    ),
    Attack("api", "JSON nested 100,000 deep", "400 body", _api("POST", "/api/hub/tokens", _deep(100_000))),
    Attack("api", "half a JSON", "4(00|22) body.*", _api("POST", "/api/hub/tokens", b'{"name": ')),
    Attack(
        "api",
        "bytes that are not UTF-8",
        "4(00|22) body.*",
        _api("POST", "/api/hub/tokens", b'{"name": "\xff\xfe"}'),
    ),
    Attack(
        "api",
        "1 MB from a stranger",
        "401.*",
        _api("POST", "/api/hub/publish", {"body": "a" * _MIB}, stranger=True),
    ),
    Attack(
        "api",
        "Base64 beyond ASCII",
        "422 body",
        _api("POST", "/api/hub/publish", {"channel": "main-site", "body": "я"}),
    ),
    Attack(
        "api",
        "30 MB from an administrator",
        "413.*",
        _api("POST", "/api/hub/publish", {"channel": "main-site", "body": "a" * (30 * _MIB)}),
    ),
    Attack(
        "api", "NUL in a reason", "422 reason", _api("POST", "/api/leads/dead/1/discard", {"reason": "a\0b"})
    ),
    Attack(
        "api",
        "half a pair in a reason",
        "422 reason",
        _api("POST", "/api/leads/dead/1/discard", json.loads('{"reason": "a\\ud800"}')),
    ),
    Attack("api", "NUL in a name to trace", "422 path.name", _api("GET", "/api/hub/trace/a%00b", None)),
    Attack("api", "NUL in an identity", "200", _api("GET", "/api/leads/contacts?identity=a%00b", None)),
    Attack(
        "api", "a number beyond every table", "422 path.row_id", _api("GET", f"/api/deals/dead/{2**70}", None)
    ),
    Attack(
        "api",
        "a time before the calendar",
        "422 query.before",
        _api("GET", "/api/connectors/deliveries?before=0001-01-01T00:00:00%2B23:00", None),
    ),
    Attack(
        "api",
        "SQL for a filter",
        "200",
        _api("GET", "/api/connectors/deliveries?channel=%27%3B+DROP+TABLE+deliveries%3B--", None),
    ),
    Attack(
        "api",
        "a page that nobody gave out",
        "422 cursor",
        _api("GET", "/api/leads/leads?cursor=WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjAwIiwgIngiXQ==", None),
    ),
]
