"""One attempt to hand a message over, and how sure we are of what came of it."""

import asyncio
from dataclasses import dataclass, replace
from http import HTTPStatus

import structlog

from services.connectors.domain.sending import InDoubt, Later, Outcome, Outgoing, Refused, Secrets, Sent
from services.connectors.outside.web import NoAnswer, NotReached, Web
from services.connectors.sending.carrier import Carriers
from services.connectors.sending.fit import secrets_of
from services.connectors.sending.logins import Logins
from services.connectors.usecases.claim_messages import Claimed

log = structlog.get_logger()
# What is shorter stands in too many words.
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Means:
    """What an attempt takes: connections to vendors, those of drivers, access tokens, and its time."""

    web: Web
    carriers: Carriers
    logins: Logins
    timeout: float


async def attempt(claimed: Claimed, means: Means) -> Outcome:
    """The outcome, at the latest after `timeout` seconds. Never raises but for cancellation."""
    sending = claimed.channel.kind.manifest.sending
    try:
        async with asyncio.timeout(means.timeout):
            if sending is not None and sending.connection:
                return await _through_connection(claimed, means.carriers)
            return _discreet(await _over_http(claimed, means), claimed.message)
    except TimeoutError:
        return InDoubt(f"no answer within {means.timeout:g} s")
    except Exception as error:
        # A fault of ours, at an unknown place: it may have left.
        log.error("sending.broken", channel=claimed.channel.name, why=type(error).__name__)
        return InDoubt(f"sending failed: {type(error).__name__}")


def _discreet(outcome: Outcome, message: Outgoing) -> Outcome:
    """Without what the vendor repeats of the message: a reason is shown to more people than an address."""
    if isinstance(outcome, Sent):
        return outcome
    reason = outcome.reason
    for told in (message.text.strip(), message.to.removeprefix("user:").removeprefix("+")):
        if len(told) >= _SHORTEST:
            reason = reason.replace(told, "…")
    return replace(outcome, reason=reason)


async def _through_connection(claimed: Claimed, carriers: Carriers) -> Outcome:
    carry = carriers.of(claimed.channel.name)
    if carry is None:
        return Later(1.0, "the connection that carries it is gone")
    return await carry(claimed.message)


async def _over_http(claimed: Claimed, means: Means) -> Outcome:
    channel = claimed.channel
    sending, secrets = channel.kind.manifest.sending, secrets_of(channel)
    if sending is not None and sending.login is not None:
        # Half the time at most: once that of the message is over, nobody can tell whether it left.
        try:
            async with asyncio.timeout(means.timeout / 2):
                found = await means.logins.secrets(channel, sending.login, means.web, means.timeout)
        except TimeoutError:
            return Later(0, "no access token: the vendor did not answer in time", whole=True)
        if not isinstance(found, Secrets):
            return found
        secrets = found
    try:
        request = channel.kind.dialect.request(claimed.message, channel.settings, secrets)
    except Exception as error:
        # Its text may hold what must not be shown.
        return Refused("kind_failed", f"{channel.kind.name} cannot write it: {type(error).__name__}")
    try:
        answer = await means.web.ask(request, timeout=means.timeout)
    except NotReached as error:
        return Later(0, f"the vendor could not be reached: {error}", whole=True)
    except NoAnswer as error:
        return InDoubt(f"the vendor did not answer: {error}")
    if answer.status == HTTPStatus.UNAUTHORIZED and sending is not None and sending.login is not None:
        means.logins.forget(channel)
        return Later(1.0, "the vendor no longer took the access token")
    try:
        return channel.kind.dialect.outcome(answer)
    except Exception as error:
        return InDoubt(f"the vendor's answer {answer.status} cannot be read: {type(error).__name__}")
