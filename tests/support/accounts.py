"""A pool of NATS accounts: each test gets an empty one of its own, with JetStream and a partner."""

from dataclasses import dataclass

import nats
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from services.hub.engines.nats_config import Account, Export, Grant, Import, User

POOL_SIZE = 40
PASSWORD = "test"
PARTNER = "partner"
"""What the one partner of every pool account is called; it publishes to `ingress.partner`."""


@dataclass(frozen=True)
class NatsAccount:
    """One of the pool. `url` may do everything in it; `partner_url` only publish to `ingress.partner`."""

    name: str
    url: str
    partner_url: str


def pool_accounts(size: int = POOL_SIZE) -> list[Account]:
    """The system account and every account of a pool."""
    system = Account("SYS", (User(name="sys", password=PASSWORD),))
    return [system, *(account for number in range(size) for account in _pair(number))]


def _pair(number: int) -> list[Account]:
    hub, partner, subject = f"T{number}", f"P{number}", f"ingress.{PARTNER}"
    grant = Grant(publish=(subject,), subscribe=("_INBOX.>",))
    return [
        Account(
            hub,
            (User(name=hub, password=PASSWORD),),
            jetstream=True,
            exports=(Export(subject, (partner,)),),
        ),
        Account(
            partner,
            (User(name=partner, password=PASSWORD, grant=grant),),
            imports=(Import(hub, subject, subject),),
        ),
    ]


def pool_member(server_url: str, number: int) -> NatsAccount:
    """The account of this number on this server; numbers wrap around."""
    hub, partner = f"T{number % POOL_SIZE}", f"P{number % POOL_SIZE}"
    return NatsAccount(hub, _login(server_url, hub), _login(server_url, partner))


def _login(server_url: str, user: str) -> str:
    return server_url.replace("nats://", f"nats://{user}:{PASSWORD}@")


async def wipe(account: NatsAccount) -> None:
    """Delete every stream of the account, key-value buckets and object stores included."""
    client = await nats.connect(account.url, max_reconnect_attempts=2)
    try:
        js: JetStreamContext = client.jetstream()
        for stream in await js.streams_info():
            try:
                await js.delete_stream(str(stream.config.name))
            except NotFoundError:
                continue
    finally:
        await client.close()
