"""How much of a body an API reads, and of whom: a stranger's is small, whatever the operation."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.runtime.auth import Access
from services.runtime.problems import Problem
from services.runtime.publishing import BusUnavailable

STRANGERS_BYTES = 64 * 1024
KNOWN_BYTES = 24 * 1024 * 1024
_APIS = "/api/"


class BoundedBodies:
    """Middleware: the body of an API request is read before rights are looked at, so here it is bounded.

    Inlets have a limit of their own, and read what they take as it is.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and scope["path"].startswith(_APIS):
            receive = _Bounded(Request(scope), receive).receive
        await self.app(scope, receive, send)


class _Bounded:
    def __init__(self, request: Request, receive: Receive) -> None:
        self._request = request
        self._receive = receive
        self._size = 0
        self._limit = STRANGERS_BYTES

    async def receive(self) -> Message:
        """The next piece. Raises HTTPException: FastAPI takes anything else for a broken body."""
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._limit:
            await self._grow()
        return message

    async def _grow(self) -> None:
        if self._limit < KNOWN_BYTES:
            await self._known()
            self._limit = KNOWN_BYTES
        if self._size > self._limit:
            raise HTTPException(413, f"The body is larger than {self._limit} bytes.")

    async def _known(self) -> None:
        access: Access = self._request.app.state.access
        scheme, _, token = self._request.headers.get("authorization", "").partition(" ")
        client = self._request.client
        try:
            await access.caller(
                token if scheme.lower() == "bearer" else None, client.host if client else None
            )
        except Problem as problem:
            raise HTTPException(problem.body.status, problem.body.detail, problem.headers) from problem
        except BusUnavailable as away:
            raise HTTPException(503, "The bus is not available", {"Retry-After": "5"}) from away
