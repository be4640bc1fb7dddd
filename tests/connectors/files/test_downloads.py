"""What may be asked, what is told to whom, and where a download ends: over real sockets."""

import asyncio
import gzip
import ipaddress
from datetime import UTC, datetime

import pytest
from starlette.responses import RedirectResponse, Response, StreamingResponse

from services.connectors.domain.exchange import Answer, Request, retry_after
from services.connectors.errors import NotFetched
from services.connectors.files.spool import Spool
from services.connectors.outside.downloads import Downloads, onward
from services.connectors.outside.guard import Forbidden, may_ask, target
from tests.connectors.files.vendor import Vendor, vendor

LOOPBACK = Downloads([ipaddress.ip_network("127.0.0.1/32")])
SECRET = {"authorization": "Bearer s3cr3t"}


async def fetched(url: str, most: int = 1_000_000, **headers: str) -> bytes:
    with Spool(most) as spool:
        answer = await LOOPBACK.get(Request(url, headers=headers), spool.write)
        assert answer.status == 200
        return b"".join(spool.parts())


async def refused(downloads: Downloads, url: str) -> NotFetched:
    with Spool(1000) as spool, pytest.raises(NotFetched) as told:
        await downloads.get(Request(url), spool.write)
    return told.value


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1",
        "fd00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_no_address_but_a_public_one_is_asked(address: str) -> None:
    assert not may_ask(ipaddress.ip_address(address))


def test_public_addresses_and_networks_named_on_purpose_are_asked() -> None:
    assert all(may_ask(ipaddress.ip_address(one)) for one in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"))
    allowed = [ipaddress.ip_network("10.1.0.0/16")]
    asked = [
        may_ask(ipaddress.ip_address(one), allowed) for one in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1")
    ]
    assert asked == [True, True, False]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://8.8.8.8/x", "gopher://8.8.8.8", "//8.8.8.8/x", "data:,x", "http://",
        "http://[::1", "http://8.8.8.8:99999/", "", "javascript:alert(1)",
    ],
)  # fmt: skip
async def test_what_is_no_address_of_the_web_is_not_asked(url: str) -> None:
    with pytest.raises(Forbidden):
        target(url)
    assert (await refused(Downloads(), url)).why == "forbidden"


HERE = ("127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "[::ffff:127.0.0.1]")


async def test_our_own_machine_is_not_asked_however_it_is_written(peer: Vendor) -> None:
    port = peer.base.rpartition(":")[2]
    for host in HERE:
        assert (await refused(Downloads(), f"http://{host}:{port}/secret")).why == "forbidden", host
        assert (await refused(Downloads(), f"http://user:pw@{host}:{port}/secret")).why == "forbidden", host
    assert peer.asked == []


async def test_a_redirect_into_the_house_is_not_followed(peer: Vendor) -> None:
    async with vendor("127.0.0.2") as inside:
        url = peer.will("/file", RedirectResponse(inside.base + "/secret", 302))
        told = await refused(LOOPBACK, url)
        assert (told.why, inside.asked) == ("forbidden", [])
        url = peer.will("/odd", RedirectResponse("file:///etc/passwd", 302))
        assert (await refused(LOOPBACK, url)).why == "forbidden"


async def test_the_checked_address_is_the_one_that_is_asked(
    peer: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is public when it is looked at and ours a moment later (DNS rebinding)."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def resolve(_loop: object, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (address, port)) for address in answers.pop(0)]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)
    port = peer.base.rpartition(":")[2]
    peer.will("/file", Response(b"ours"))
    assert await fetched(f"http://vendor.example:{port}/file") == b"ours"
    assert peer.asked[0][2]["host"] == f"vendor.example:{port}"
    assert len(answers) == 1  # a name is looked up once, and not again by whoever connects
    answers[:] = [["127.0.0.1", "10.0.0.1"]]
    assert (await refused(LOOPBACK, f"http://vendor.example:{port}/file")).why == "forbidden"


async def test_secrets_stay_with_the_host_they_are_for(peer: Vendor) -> None:
    there = Downloads([ipaddress.ip_network("127.0.0.0/8")])
    async with vendor("127.0.0.2") as other:
        other.will("/bytes", Response(b"bytes"))
        peer.will("/near", Response(b"near"))
        for path, end in (("/far", other.base + "/bytes"), ("/around", "/near")):
            peer.will(path, RedirectResponse(end, 302))
            with Spool(100) as spool:
                await there.get(Request(peer.base + path, headers=SECRET), spool.write)
        assert "authorization" not in other.asked[0][2]
        assert peer.asked[-1][2]["authorization"] == SECRET["authorization"]


def test_a_redirect_changes_method_and_carries_no_body_to_others() -> None:
    post = Request("https://a.example/x", "POST", SECRET, b"key=1")
    assert onward(post, 302, "https://b.example/y") == Request("https://b.example/y")
    assert onward(post, 307, "/y#z") == Request("https://a.example/y", "POST", SECRET, b"key=1")
    with pytest.raises(Forbidden):
        onward(post, 307, "https://b.example/y")
    assert onward(Request("https://a.example/", headers=SECRET), 302, "http://a.example/").headers == {}
    assert onward(Request("https://a.example/", headers=SECRET), 302, "//a.example:444/").headers == {}


async def test_a_circle_of_redirects_ends(peer: Vendor) -> None:
    url = peer.will("/round", RedirectResponse("/round", 302))
    assert (await refused(LOOPBACK, url)).why is None
    assert peer.count("/round") == 6


async def test_what_is_too_large_is_left_when_it_is(peer: Vendor) -> None:
    sent = 0

    async def endless() -> object:
        nonlocal sent
        while sent < 500:
            sent += 1
            yield b"x" * 64 * 1024

    url = peer.will("/endless", StreamingResponse(endless()))  # type: ignore[arg-type]
    with pytest.raises(NotFetched, match="larger") as told:
        await fetched(url, most=1_000_000)
    assert told.value.why == "too_large"
    assert sent < 400
    bomb = gzip.compress(b"\0" * 5_000_000)
    url = peer.will("/bomb", Response(bomb, headers={"content-encoding": "gzip"}))
    with pytest.raises(NotFetched, match="larger"):
        await fetched(url, most=1_000_000)


async def test_a_file_that_is_cut_short_is_no_file(peer: Vendor) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert (await refused(LOOPBACK, f"http://127.0.0.1:{port}/")).why is None
    server.close()
    assert (await refused(LOOPBACK, f"http://127.0.0.1:{port}/")).why is None


NOW = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ("120", 120), ("Fri, 20 Nov 2026 11:01:00 GMT", 60), ("Fri, 20 Nov 2026 10:00:00 GMT", 0),
        ("9" * 50, 86_400), ("soon", None), ("", None), ("-5", None),
    ],
)  # fmt: skip
def test_when_to_come_again_is_read(told: str, seconds: float | None) -> None:
    assert retry_after(Answer(503, {"retry-after": told}), NOW) == seconds
