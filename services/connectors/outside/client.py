"""The HTTP client that asks vendors. Imported only when one is asked: it takes 6 MB.

Source: RFC 9110 section 9.2.2 on why that decides what may be asked again.
"""

import logging

import httpx

from services.connectors.domain.exchange import Answer, Request
from services.connectors.outside.failures import NoAnswer, NotReached

# It would write whole addresses, and some vendors want their secret in them.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)
_CONNECT_SECONDS = 10.0
_BEFORE_IT_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class Client:
    """Kept connections to vendors."""

    def __init__(self, *, connections: int = 50) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        # No proxy and no netrc from the environment: what is set for a shell is not meant for vendors.
        self._client = httpx.AsyncClient(limits=limits, trust_env=False, follow_redirects=False)

    async def ask(self, request: Request, *, timeout: float, most: int) -> Answer:
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


async def _body(response: httpx.Response, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > most:
            raise NoAnswer(f"the answer is longer than {most} bytes")
        parts.append(part)
    return b"".join(parts)
