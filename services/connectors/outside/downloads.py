"""Fetches what stands at addresses that outsiders name: guarded, bounded, following redirects by hand.

Imported only when the first file is fetched: the client takes 6 MB. Source: RFC 9110, 15.4 (redirects).
"""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urldefrag, urljoin

import httpx

from services.connectors.domain.exchange import Answer, Request, Write
from services.connectors.errors import NotFetched
from services.connectors.outside.guard import Forbidden, Network, addresses, target

_MOST_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_CONNECT_SECONDS, _STEP_SECONDS = 10.0, 30.0
_TIMEOUT = httpx.Timeout(_STEP_SECONDS, connect=_CONNECT_SECONDS)
_OWN = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "leadwire"}


class Downloads:
    """Asks guarded addresses. `networks` are those that may be asked though they are not public."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._allowed = networks
        self._ssl: ssl.SSLContext | None = None

    async def get(self, request: Request, write: Write) -> Answer:
        """Hand the body of a good answer (200) to `write`, part by part. Other bodies are not read.

        What `write` raises ends it. Raises NotFetched when there is no answer, or none that may be asked for.
        """
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                async with self._answer(request) as response:
                    if response.status_code not in _REDIRECTS or "location" not in response.headers:
                        return await _taken(response, write)
                    request = onward(request, response.status_code, response.headers["location"])
            except Forbidden as error:
                raise NotFetched(str(error), why="forbidden") from error
            except (httpx.HTTPError, OSError, ValueError) as error:
                raise NotFetched(f"no answer: {type(error).__name__}") from error
        raise NotFetched(f"it was sent on more than {_MOST_REDIRECTS} times")

    @asynccontextmanager
    async def _answer(self, request: Request) -> AsyncIterator[httpx.Response]:
        """One request, to an address that was looked at and to no other."""
        scheme, host, port = target(request.url)
        try:
            url = httpx.URL(request.url)
        except httpx.InvalidURL:
            raise Forbidden("it is no address of the web") from None
        found = await addresses(host, port, self._allowed)
        async with self._client(scheme) as client:
            for number, address in enumerate(found, 1):
                asked = client.build_request(
                    request.method,
                    url.copy_with(host=address),
                    headers={
                        **_OWN,
                        **request.headers,
                        "host": url.netloc.decode("ascii").rpartition("@")[2],
                    },
                    content=request.body or None,
                    # The name for TLS and its certificate stays that of the host.
                    extensions={"sni_hostname": url.raw_host.decode("ascii")},
                )
                try:
                    response = await client.send(asked, stream=True, auth=_basic(url))
                except (httpx.ConnectError, httpx.ConnectTimeout):
                    if number == len(found):
                        raise
                    continue
                try:
                    yield response
                finally:
                    await response.aclose()
                return

    def _client(self, scheme: str) -> httpx.AsyncClient:
        """A client for one request: no cookies and no connections stay behind for the next."""
        if scheme == "https" and self._ssl is None:
            self._ssl = httpx.create_ssl_context(trust_env=False)
        return httpx.AsyncClient(
            verify=self._ssl or False, trust_env=False, follow_redirects=False, timeout=_TIMEOUT
        )


def _basic(url: httpx.URL) -> httpx.BasicAuth | None:
    return httpx.BasicAuth(url.username, url.password) if url.userinfo else None


async def _taken(response: httpx.Response, write: Write) -> Answer:
    if response.status_code == httpx.codes.OK:
        async for part in response.aiter_bytes(64 * 1024):
            write(part)
    return Answer(response.status_code, dict(response.headers))


def onward(request: Request, status: int, location: str) -> Request:
    """The request that a redirect asks for. What was meant for one host is never told to another."""
    url = urldefrag(urljoin(request.url, location)).url
    changed = status == 303 or (status in (301, 302) and request.method == "POST")
    moved = replace(request, url=url, method="GET", body=b"") if changed else replace(request, url=url)
    if target(url) == target(request.url):
        return moved
    if moved.body:
        raise Forbidden("it was sent on to another host with what was meant for the first")
    return replace(moved, headers={})
