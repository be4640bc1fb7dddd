"""Stock verification schemes: each proves, over the raw delivery, who sent it."""

import hmac
from collections.abc import Callable, Mapping
from typing import Protocol

from pydantic import SecretStr

from services.connectors.errors import Refused

Secrets = Mapping[str, SecretStr | None]


class Asked(Protocol):
    """What the manifest says about verification."""

    @property
    def header(self) -> str:
        """The request header to read."""
        ...

    @property
    def secret(self) -> str:
        """The setting that holds the secret."""
        ...


Scheme = Callable[[Asked, Secrets, Mapping[str, str], bytes], None]


def none(asked: Asked, secrets: Secrets, headers: Mapping[str, str], body: bytes) -> None:
    """The vendor proves nothing."""


def shared_secret(asked: Asked, secrets: Secrets, headers: Mapping[str, str], body: bytes) -> None:
    """A header equals the configured secret. Compared in constant time."""
    given = headers.get(asked.header)
    if not given:
        raise Refused(401, f"the header {asked.header} is missing")
    if not hmac.compare_digest(given.encode(), _secret(asked, secrets)):
        raise Refused(403, f"the header {asked.header} does not hold this channel's secret")


def _secret(asked: Asked, secrets: Secrets) -> bytes:
    """The secret. One that is not set closes the channel instead of opening it."""
    secret = secrets.get(asked.secret)
    if secret is None or not secret.get_secret_value():
        raise Refused(403, f"the channel is closed: its setting {asked.secret} has no value")
    return secret.get_secret_value().encode()


SCHEMES: Mapping[str, Scheme] = {"none": none, "shared_secret": shared_secret}
