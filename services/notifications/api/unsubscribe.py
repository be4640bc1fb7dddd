"""The one page that strangers see: no more letters, please.

Source: RFC 8058. Only POST acts: link scanners follow every GET, and would unsubscribe whole companies.
"""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from services.notifications.api import pages
from services.notifications.content.tokens import Tokens
from services.notifications.usecases.opt_out import Withdraw, opt_out

if TYPE_CHECKING:
    from services.runtime.host import Host


Token = Annotated[str, Path(description="Out of a letter.", examples=["OgpbUi0bX16MPG8bDXubEQ"])]


class UnsubscribeRoutes:
    """GET and POST /unsubscribe/{token}; no access token, the one in the path is proof enough."""

    def __init__(self, host: "Host", tokens: Tokens, withdraw: Withdraw) -> None:
        self._host = host
        self._withdraw = withdraw
        self._tokens = tokens

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        for method, endpoint, summary in (
            ("GET", self.ask, "Ask whether to unsubscribe"),
            ("POST", self.act, "Unsubscribe (RFC 8058)"),
        ):
            router.add_api_route(
                "/unsubscribe/{token}",
                endpoint,
                methods=[method],
                summary=summary,
                tags=["unsubscribe"],
                response_class=HTMLResponse,
                responses={404: {"description": "A page that says the link is not valid."}},
            )

    async def ask(self, token: Token) -> HTMLResponse:
        """A page with one button. Nothing changes."""
        if self._tokens.read(token) is None:
            return pages.invalid()
        return pages.question()

    async def act(self, token: Token) -> HTMLResponse:
        """Record the opt-out and end what is running. Doing it again changes nothing."""
        message_id = self._tokens.read(token)
        if message_id is None:
            return pages.invalid()
        async with self._host.work() as work:
            done = await opt_out(work, message_id, self._withdraw)
        return pages.done() if done else pages.invalid()
