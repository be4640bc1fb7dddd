"""Every stream, bucket and durable consumer of a whole hub: what `leadwire provision` makes."""

from collections.abc import Iterable
from datetime import timedelta

from contracts.catalog import contracts
from contracts.contract import Fact
from services.runtime.streams import (
    Spec,
    buckets,
    commands_consumer,
    commands_stream,
    facts_stream,
    ingress_stream,
    intake_stream,
)

SERVICES = ("connectors", "leads", "deals", "notifications")
# Facts of calls have two owners: connectors tells what becomes of a call, leads who is calling.
OWNED = {
    "connectors": ("interactions", "calls", "receipts", "files"),
    "leads": ("contacts", "leads", "calls"),
    "deals": ("deals", "tasks", "payments"),
    "notifications": ("messages", "sequences"),
}
COMMANDED = ("notifications", "connectors")


def specs(
    partners: Iterable[str] = (),
    *,
    keep_intake: timedelta = timedelta(days=30),
    keep_facts: timedelta = timedelta(days=14),
    intake_max_bytes: int = 1024**3,
) -> list[Spec]:
    """Streams first; `partners` are the outside systems with an ingress of their own."""
    return [
        intake_stream(keep_intake, intake_max_bytes),
        *(facts_stream(owner, told_by(owner), keep_facts) for owner in OWNED),
        commands_stream(),
        *buckets(keep_intake),
        *(ingress_stream(partner, keep_intake) for partner in sorted(set(partners))),
        *(commands_consumer(service) for service in COMMANDED),
    ]


def told_by(owner: str) -> tuple[str, ...]:
    """What a service publishes, as subjects name it between `crm.` and the version.

    A thing of its own is `contacts`, whatever there is to tell of it. Of a thing that it shares it has the
    facts that say so in their contracts, such as `calls.identified`: streams must not overlap.
    """
    names: list[str] = []
    for thing in OWNED[owner]:
        shared = sum(thing in things for things in OWNED.values()) > 1
        names += _facts_of(owner, thing) if shared else [thing]
    return tuple(names)


def _facts_of(owner: str, thing: str) -> list[str]:
    own = (one.TYPE for one in contracts() if issubclass(one, Fact) and owner == one.OWNER)
    told = (kind.split(".")[1:3] for kind in own)
    return list(dict.fromkeys(f"{thing}.{fact}" for of, fact in told if of == thing))
