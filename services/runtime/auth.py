"""Who may do what over HTTP: bearer tokens, whose hashes and roles lie in a bucket on the bus."""

import hashlib
import ipaddress
import json
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import nats.errors
import nats.js.errors
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from nats.js.kv import KeyValue
from prometheus_client import Counter

from services.runtime.bus import Bus
from services.runtime.clock import Clock
from services.runtime.problems import Problem
from services.runtime.publishing import BusUnavailable
from services.runtime.streams import TOKENS_BUCKET

log = structlog.get_logger()
REFUSED = Counter("leadwire_access_refused_total", "Requests refused for want of a right.", ["why"])

ROLES = frozenset({"admin", "operator", "marketing", "sales", "viewer"})
PREFIX = "lw_"
# What is random must not be guessed: 32 characters of Base64 are 192 bits.
_SHORTEST = len(PREFIX) + 32
# A token that was taken back works this much longer where it was used just before.
_REMEMBER_SECONDS = 10.0
_REMEMBERED = 1_000
_BURST = 10
_REFILL_SECONDS = 6.0
_ADDRESSES = 10_000
_bearer = HTTPBearer(auto_error=False, description="An access token, lw_...")


@dataclass(frozen=True)
class Caller:
    """Whoever holds a token."""

    name: str
    roles: frozenset[str]

    def may(self, *roles: str) -> bool:
        """Whether one of the roles is held. An admin may everything; everybody may view."""
        return "admin" in self.roles or "viewer" in roles or not self.roles.isdisjoint(roles)


@dataclass(frozen=True)
class TokenEntry:
    """What the bucket says of a token; the token itself is nowhere."""

    key: str
    name: str
    roles: tuple[str, ...]
    created_at: str


def hashed(token: str) -> str:
    """The key under which a token is known."""
    return hashlib.sha256(token.encode()).hexdigest()


async def create_token(
    kv: KeyValue, name: str, roles: Iterable[str], *, now: datetime, token: str | None = None
) -> str:
    """Make a token `lw_` + 43 characters and return it, once.

    A `token` given is registered as it is. Raises ValueError for unknown roles, and for a token so
    short that it might be guessed.
    """
    held = sorted(set(roles))
    if not held or not ROLES.issuperset(held):
        raise ValueError(f"roles are {', '.join(sorted(ROLES))}; not {', '.join(held) or 'none'}")
    token = token or PREFIX + secrets.token_urlsafe(32)
    if len(token) < _SHORTEST:
        raise ValueError(f"a token has {_SHORTEST} characters or more")
    entry = {"name": name, "roles": held, "created_at": now.isoformat()}
    await kv.put(hashed(token), json.dumps(entry).encode())
    return token


async def tokens(kv: KeyValue) -> list[TokenEntry]:
    """Every token that works, oldest first."""
    try:
        keys = await kv.keys()
    except nats.js.errors.NoKeysError:
        return []
    entries = []
    for key in keys:
        said = json.loads((await kv.get(key)).value or b"{}")
        entries.append(TokenEntry(key, said["name"], tuple(said["roles"]), said["created_at"]))
    return sorted(entries, key=lambda entry: entry.created_at)


async def revoke_tokens(kv: KeyValue, name: str) -> int:
    """Take back every token of this name; how many there were."""
    gone = [entry for entry in await tokens(kv) if entry.name == name]
    for entry in gone:
        await kv.purge(entry.key)
    return len(gone)


class FailureLimit:
    """A bucket of failed attempts per client address: ten at once, then one in six seconds."""

    def __init__(self) -> None:
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def _level(self, address: str, now: float) -> float:
        spent, at = self._spent.get(address, (0.0, now))
        return max(0.0, spent - (now - at) / _REFILL_SECONDS)

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may fail again; 0 when it may now."""
        return max(0.0, (self._level(address, now) - _BURST + 1) * _REFILL_SECONDS)

    def failed(self, address: str, now: float) -> None:
        """Count a failure."""
        self._spent[address] = (self._level(address, now) + 1, now)
        self._spent.move_to_end(address)
        if len(self._spent) > _ADDRESSES:
            self._spent.popitem(last=False)


class Access:
    """Knows callers by their tokens. One per process; needs the bus, not the database."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[Caller, float]] = OrderedDict()
        self._limit = FailureLimit()

    async def caller(self, token: str | None, address: str | None) -> Caller:
        """The holder of the token. Raises Problem 401 or 429, BusUnavailable."""
        now = self._clock.now().timestamp()
        key = hashed(token or "")
        known = self._remembered.get(key)
        if known and known[1] > now:
            return known[0]
        if not token:
            # Nothing was guessed: whoever forgot the token is told so, as often as they forget it.
            REFUSED.labels("no_token").inc()
            raise _unknown()
        if found := await self._look_up(key):
            self._remember(key, found, now + _REMEMBER_SECONDS)
            return found
        raise self._refusal(network(address), now)

    def _refusal(self, client: str, now: float) -> Problem:
        """For a token that is none. Whether an address has failed too often counts for failures alone.

        Everybody in an office has the same address: whoever guesses there must not lock out a colleague
        who holds a token. Guessing is hopeless by the length of a token, not by this limit.
        """
        if wait := self._limit.wait(client, now):
            REFUSED.labels("too_many_failures").inc()
            return _too_many(wait)
        self._limit.failed(client, now)
        REFUSED.labels("unknown_token").inc()
        return _unknown()

    async def _look_up(self, key: str) -> Caller | None:
        bucket = await self._bus.kv(TOKENS_BUCKET)
        try:
            entry = await bucket.get(key)
        except nats.js.errors.KeyNotFoundError:
            return None
        except (nats.errors.Error, nats.js.errors.Error) as error:
            raise BusUnavailable(f"tokens: {type(error).__name__}") from error
        said = json.loads(entry.value or b"{}")
        return Caller(said["name"], frozenset(said["roles"]))

    def _remember(self, key: str, caller: Caller, until: float) -> None:
        self._remembered[key] = (caller, until)
        self._remembered.move_to_end(key)
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)


def network(address: str | None) -> str:
    """Whom an address stands for: itself, or its /64 with IPv6, where one client has them all."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def require(*roles: str) -> Callable[..., Awaitable[Caller]]:
    """A FastAPI dependency: the caller, who holds one of the roles. `Depends(require("sales"))`."""
    if not roles or not ROLES.issuperset(roles):
        raise ValueError(f"roles are {', '.join(sorted(ROLES))}; not {roles}")

    async def caller(
        request: Request,
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Caller:
        access: Access = request.app.state.access
        address = request.client.host if request.client else None
        found = await access.caller(given.credentials if given else None, address)
        if not found.may(*roles):
            REFUSED.labels("wrong_role").inc()
            raise _forbidden(roles)
        return found

    return caller


@dataclass(frozen=True)
class Holding:
    """A right that is used for as long as a connection stands, and may be taken back meanwhile."""

    caller: Caller
    still: Callable[[], Awaitable[bool]]
    """Whether it is held at this moment; True while nobody can say."""


def holding(*roles: str) -> Callable[..., Awaitable[Holding]]:
    """As `require`, for answers that go on."""
    held = require(*roles)

    async def holder(
        request: Request,
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Holding:
        async def still() -> bool:
            try:
                await held(request, given)
            except Problem:
                return False
            except BusUnavailable:
                return True
            return True

        return Holding(await held(request, given), still)

    return holder


def _unknown() -> Problem:
    return Problem(
        401,
        "No valid access token",
        "The request has no access token, or one that is not known here.",
        remedy="Send `Authorization: Bearer lw_...`; `leadwire token create` makes a token.",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _forbidden(roles: tuple[str, ...]) -> Problem:
    return Problem(
        403,
        "Not allowed",
        f"This takes the role {' or '.join(roles)}.",
        remedy="Use a token with that role.",
    )


def _too_many(wait: float) -> Problem:
    return Problem(
        429,
        "Too many failed attempts",
        "This address has sent too many unknown tokens.",
        remedy=f"Wait {int(wait) + 1} s and use a valid token.",
        headers={"Retry-After": str(int(wait) + 1)},
    )
