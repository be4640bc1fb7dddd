"""Access tokens that are fetched when they are needed, and kept in memory for as long as they live.

Source: RFC 6749 sections 4.4 and 5.
"""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field

from services.connectors.catalog.sending import Login
from services.connectors.definitions.channel import Channel
from services.connectors.domain.exchange import Answer
from services.connectors.domain.sending import Later, Outcome, Refused, Secrets
from services.connectors.outside.web import NoAnswer, NotReached, Web
from services.connectors.reading.exchanges import as_form, base, pause, said, seconds
from services.connectors.reading.inside import text_at
from services.connectors.sending.fit import secrets_of

TOKEN = "access_token"
_EARLIER_SECONDS = 60.0
_USUAL_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    until: float


class Logins:
    """The tokens of this process, by channel. A change of the channel's definition makes a new one."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[Channel, _Token]] = {}
        # Messages that leave together ask for one token, not for one each.
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def secrets(self, channel: Channel, login: Login, web: Web, timeout: float) -> Secrets | Outcome:
        """The channel's secrets with a token that lives; or what becomes of the message without one."""
        secrets = secrets_of(channel)
        async with self._asking[channel.name]:
            known, token = self._tokens.get(channel.name, (None, None))
            if token is None or known != channel or token.until < time.monotonic():
                found = await _fetched(channel, login, secrets, web, timeout)
                if not isinstance(found, _Token):
                    return found
                token = found
                self._tokens[channel.name] = channel, token
        return Secrets({**secrets.values, TOKEN: token.value})

    def forget(self, channel: Channel) -> None:
        """The vendor does not take its token."""
        self._tokens.pop(channel.name, None)


async def _fetched(
    channel: Channel, login: Login, secrets: Secrets, web: Web, timeout: float
) -> _Token | Outcome:
    fields = [
        ("grant_type", "client_credentials"),
        ("client_id", channel.settings.text(login.client)),
        ("client_secret", secrets.text(login.secret)),
    ]
    try:
        answer = await web.ask(as_form(base(channel.settings) + login.path, fields), timeout=timeout)
    except (NotReached, NoAnswer) as error:
        # Asking for a token does nothing twice: the message itself has not left.
        return Later(0, f"no access token: {error}", whole=True)
    return _read(answer, login)


def _read(answer: Answer, login: Login) -> _Token | Outcome:
    document = said(answer)
    value = text_at(document, TOKEN)
    if value and answer.status < 300:
        lives = seconds(text_at(document, "expires_in"), _USUAL_SECONDS)
        return _Token(value, time.monotonic() + max(0.0, lives - _EARLIER_SECONDS))
    if answer.status in (400, 401, 403) or "error" in document:
        named = f"`{login.client}` and `{login.secret}`"
        return Refused("no_token", f"the vendor gives no access token: compare {named} with the account")
    return Later(pause(answer), f"no access token: the vendor answered {answer.status}", whole=True)
