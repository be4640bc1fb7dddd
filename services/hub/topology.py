"""Every stream, bucket and durable consumer of a whole hub: what `leadwire provision` makes."""

from collections.abc import Iterable

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


def specs(partners: Iterable[str] = ()) -> list[Spec]:
    """Streams first; `partners` are the outside systems with an ingress of their own."""
    return [
        intake_stream(),
        *(facts_stream(owner, things) for owner, things in OWNED.items()),
        commands_stream(),
        *buckets(),
        *(ingress_stream(partner) for partner in sorted(set(partners))),
        *(commands_consumer(service) for service in COMMANDED),
    ]
