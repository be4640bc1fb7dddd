"""The accounts of an embedded hub: its services, each of its partners, the server itself."""

from collections.abc import Mapping

from services.hub.engines.nats_config import Account, Export, Grant, Import, Limits, User
from services.hub.engines.nats_grants import SERVICES, grant

HUB, SYSTEM = "HUB", "SYS"
HUB_USER = "hub"
"""May do everything in the hub's account: provisioning, and the process that runs all services."""
PARTNER_LIMITS = Limits(connections=16, payload=512 * 1024, subscriptions=32)


def accounts(keys: Mapping[str, str], partners: Mapping[str, str]) -> list[Account]:
    """Every account, from the public keys of `hub`, `sys` and each service, and those of the partners."""
    names = sorted(partners)
    services = tuple(User(nkey=keys[service], grant=grant(service, names)) for service in sorted(SERVICES))
    hub = Account(
        HUB,
        (User(nkey=keys[HUB_USER]), *services),
        jetstream=True,
        exports=tuple(Export(ingress(name), (partner_account(name),)) for name in names),
    )
    system = Account(SYSTEM, (User(nkey=keys["sys"]),))
    return [system, hub, *(_partner(name, partners[name]) for name in names)]


def ingress(partner: str) -> str:
    """The one subject a partner may publish to."""
    return f"ingress.{partner}"


def partner_account(partner: str) -> str:
    """The account that a partner's connections land in."""
    return f"PARTNER_{partner.upper()}"


def _partner(name: str, key: str) -> Account:
    """A world with one door: publish to the own ingress, hear the acknowledgement."""
    only = Grant(publish=(ingress(name),), subscribe=("_INBOX.>",))
    return Account(
        partner_account(name),
        (User(nkey=key, grant=only),),
        imports=(Import(HUB, ingress(name), ingress(name)),),
        limits=PARTNER_LIMITS,
    )
