"""Every stream, bucket and durable consumer of a whole hub: what `leadwire provision` makes."""

from collections.abc import Iterable
from datetime import timedelta

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
OWNED = {
    "connectors": ("interactions", "calls", "receipts"),
    "leads": ("contacts", "leads"),
    "deals": ("deals", "tasks", "payments"),
    "notifications": ("messages", "sequences"),
}
COMMANDED = ("notifications",)


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
        *(facts_stream(owner, things, keep_facts) for owner, things in OWNED.items()),
        commands_stream(),
        *buckets(keep_intake),
        *(ingress_stream(partner, keep_intake) for partner in sorted(set(partners))),
        *(commands_consumer(service) for service in COMMANDED),
    ]
