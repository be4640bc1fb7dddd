"""How a channel gets into its mailbox: address, encryption, password or OAuth 2.

Sources: RFC 3501, sections 6.2.2 and 6.2.3; RFC 4616 (PLAIN); RFC 6749, sections 4.4 and 6; Google,
"OAuth 2.0 Mechanism", and Microsoft, "Authenticate an IMAP connection using OAuth" (XOAUTH2).
"""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode

from services.connectors.domain.exchange import Request
from services.connectors.drivers.imap.names import quoted
from services.connectors.drivers.imap.wire import Refused, Wire, connected
from services.connectors.drivers.inlet import Inlet, Unreachable
from services.connectors.outside.web import NoAnswer, NotReached

_PORTS = {"tls": 993, "starttls": 143, "none": 143}
_TOKEN_SECONDS = 20.0
# A token is asked for again so long before it ends.
_EARLY_SECONDS = 120.0


@dataclass
class Account:
    """Opens connections for one channel; a token is shared by all of them."""

    inlet: Inlet
    most: int
    _token: str = field(default="", repr=False)
    _ends: float = 0.0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Wire]:
        """A connection that is logged in. Raises Unreachable; Gone once it stood."""
        settings = self.inlet.channel.settings
        host, security = settings.text("host"), settings.text("security")
        port = settings.number("port") or _PORTS[security]
        context = _context(settings.text("authority")) if security != "none" else None
        where = f"{host}:{port}"
        async with connected(host, port, context if security == "tls" else None, self.most) as wire:
            if not wire.abilities:
                await wire.ask_abilities()
            if security == "starttls" and context:
                if "STARTTLS" not in wire.abilities:
                    raise Unreachable(f"{where} offers no STARTTLS: set `security` to tls")
                await wire.starttls(context, host)
            try:
                await self._log_in(wire)
            except Refused as error:
                raise Unreachable(f"{where} let us not in ({error}): {self._remedy()}") from error
            yield wire

    async def _log_in(self, wire: Wire) -> None:
        settings = self.inlet.channel.settings
        user = settings.text("user")
        if settings.text("login") == "xoauth2":
            token = await self._bearer()
            try:
                await wire.authenticate("XOAUTH2", f"user={user}\x01auth=Bearer {token}\x01\x01".encode())
            except Refused:
                self._token = ""
                raise
            return
        password = self.inlet.secret("password")
        if not password:
            raise Unreachable("`password` has no value: give it one, or set `login` to xoauth2")
        if "AUTH=PLAIN" in wire.abilities:
            await wire.authenticate("PLAIN", f"\0{user}\0{password}".encode())
        elif "LOGINDISABLED" in wire.abilities:
            raise Unreachable(
                "the server takes no password without encryption: set `security` to tls or starttls"
            )
        else:
            await _plain_login(wire, user, password)

    def _remedy(self) -> str:
        if self.inlet.channel.settings.text("login") == "xoauth2":
            return "check `user`, and that the OAuth consent covers IMAP"
        return "check `user` and `password`; Gmail and Yandex want a password made for applications"

    async def _bearer(self) -> str:
        """An access token that is good for a while, asked for once for all folders. Raises Unreachable."""
        async with self._asking:
            if not self._token or time.monotonic() > self._ends:
                told = await self._granted()
                self._token = str(told["access_token"])
                self._ends = time.monotonic() + _seconds(told.get("expires_in")) - _EARLY_SECONDS
            return self._token

    async def _granted(self) -> dict[str, object]:
        settings = self.inlet.channel.settings
        refresh = self.inlet.secret("refresh_token")
        asked = {
            "grant_type": "refresh_token" if refresh else "client_credentials",
            "refresh_token": refresh,
            "client_id": settings.text("client_id"),
            "client_secret": self.inlet.secret("client_secret"),
            "scope": settings.text("scope"),
        }
        body = urlencode({name: value for name, value in asked.items() if value}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        try:
            answer = await self.inlet.web.ask(
                Request(settings.text("token_url"), "POST", headers, body), timeout=_TOKEN_SECONDS
            )
        except (NotReached, NoAnswer) as error:
            raise Unreachable(f"`token_url` gave no answer ({error}): check the address") from error
        told = _document(answer.body)
        if answer.status != 200 or not told.get("access_token"):
            why = str(told.get("error", ""))[:60]
            raise Unreachable(
                f"`token_url` gave no token ({answer.status} {why}): check `client_id`, `client_secret`,"
                " `scope` and `refresh_token`, and ask for consent again"
            )
        return told


async def _plain_login(wire: Wire, user: str, password: str) -> None:
    try:
        await wire.command("LOGIN", quoted(user), quoted(password))
    except ValueError as error:
        raise Unreachable("this server takes only names and passwords in ASCII") from error


def _seconds(told: object) -> float:
    """How long a token lasts; some say it as text."""
    text = str(told)
    return float(text) if text.isascii() and text.isdigit() and len(text) < 9 else 300.0


def _document(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _context(authority: str) -> ssl.SSLContext:
    """Trust in what this machine trusts, or in the given PEM alone. Raises Unreachable."""
    try:
        return ssl.create_default_context(cadata=authority or None)
    except (ssl.SSLError, ValueError) as error:
        raise Unreachable("`authority` is no certificate in PEM") from error
