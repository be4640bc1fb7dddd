"""Asks vendors over HTTP. A failure says whether the request can have arrived.

Source: RFC 9110 section 9.2.2 on why that decides what may be asked again.
"""

from types import TracebackType
from typing import Self

import httpx

from services.connectors.domain.exchange import Answer, Request

_CONNECT_SECONDS = 10.0
_MOST_BYTES = 16 * 1024 * 1024
_BEFORE_IT_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class NotReached(Exception):
    """The request never left: asking again does nothing twice."""


class NoAnswer(Exception):
    """The request may have arrived; nobody can tell."""


class Web:
    """Kept connections to vendors. Close it, or use it as a context."""

    def __init__(self, *, connections: int = 50) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        # No proxy and no netrc from the environment: what is set for a shell is not meant for vendors.
        self._client = httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False)

    async def ask(self, request: Request, *, timeout: float, most: int = _MOST_BYTES) -> Answer:
        """The answer, of at most `most` bytes, within `timeout` seconds for each step of it.

        Raises NotReached or NoAnswer, with reasons that hold no part of the request.
        """
        limits = httpx.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS))
        try:
            async with self._client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body or None,
                timeout=limits,
            ) as response:
                body = await _body(response, most)
        except (*_BEFORE_IT_LEFT, httpx.InvalidURL, ValueError) as error:
            raise NotReached(type(error).__name__) from error
        except httpx.HTTPError as error:
            raise NoAnswer(type(error).__name__) from error
        return Answer(response.status_code, dict(response.headers), body)

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _body(response: httpx.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > most:
            raise NoAnswer(f"the answer is longer than {most} bytes")
        parts.append(part)
    return b"".join(parts)
