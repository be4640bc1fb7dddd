"""Asks vendors over HTTP. A failure says whether the request can have arrived.

Source: RFC 9110 section 9.2.2 on why that decides what may be asked again.
"""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from services.connectors.domain.exchange import Answer, Request
from services.connectors.outside.failures import NoAnswer, NotReached

if TYPE_CHECKING:
    from services.connectors.outside.client import Client

__all__ = ["NoAnswer", "NotReached", "Web"]

_MOST_BYTES = 16 * 1024 * 1024


class Web:
    """Kept connections to vendors, made when one is first asked. Close it, or use it as a context."""

    def __init__(self, *, connections: int = 50) -> None:
        self._connections = connections
        self._client: Client | None = None

    async def ask(self, request: Request, *, timeout: float, most: int = _MOST_BYTES) -> Answer:
        """The answer, of at most `most` bytes, within `timeout` seconds for each step of it.

        Raises NotReached or NoAnswer, with reasons that hold no part of the request.
        """
        if self._client is None:
            from services.connectors.outside.client import Client

            self._client = Client(connections=self._connections)
        return await self._client.ask(request, timeout=timeout, most=most)

    async def close(self) -> None:
        """Let the connections go."""
        if self._client is not None:
            await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
