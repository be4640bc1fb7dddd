"""What each service may do on the bus: publish what it owns, read what it needs, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.contract import COMMANDS_STREAM
from services.hub.engines.nats_config import Grant
from services.hub.topology import COMMANDED, told_by
from services.runtime import streams


@dataclass(frozen=True)
class Duties:
    """One service's part in the traffic, besides publishing the facts it owns.

    `publishes` more subjects, `reads` streams, `commands` services, `objects` it keeps in stores.
    """

    publishes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    reads_partners: bool = False
    commands: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()


SERVICES: dict[str, Duties] = {
    "connectors": Duties(
        publishes=("intake.>", f"$KV.{streams.INLETS_BUCKET}.>"),
        reads=("INTAKE", f"KV_{streams.INLETS_BUCKET}"),
        reads_partners=True,
        objects=(streams.DELIVERIES_STORE, streams.FILES_STORE),
    ),
    # Its own stream too: every replica shows every call, whoever of them identified it.
    "leads": Duties(reads=("CRM_CONNECTORS", "CRM_LEADS", "CRM_DEALS", "CRM_NOTIFICATIONS")),
    "deals": Duties(reads=("CRM_LEADS", "CRM_NOTIFICATIONS"), commands=("notifications", "connectors")),
    "notifications": Duties(reads=("CRM_LEADS",), commands=("connectors",)),
}
BUCKETS = (streams.DEFINITIONS_BUCKET, streams.TOKENS_BUCKET)
"""What every service reads. It writes its own part of the definitions; the rest is the hub's."""


def inbox(service: str) -> str:
    """The prefix of a service's replies: its connections must use it."""
    return f"_INBOX_{service}"


def grant(service: str, partners: Sequence[str] = ()) -> Grant:
    """The subjects of one service. Every partner's stream is read by connectors."""
    duties = SERVICES[service]
    publish = [
        "$JS.API.INFO",
        *duties.publishes,
        f"$KV.{streams.DEFINITIONS_BUCKET}.parts.*.{service}",
        *(f"crm.{thing}.>" for thing in told_by(service)),
        *(f"do.{other}.>" for other in duties.commands),
    ]
    for stream in _reads(duties, partners):
        publish += _reading(stream)
    for store in duties.objects:
        publish += [*_reading(f"OBJ_{store}"), f"$JS.API.STREAM.PURGE.OBJ_{store}", f"$O.{store}.>"]
    if service in COMMANDED:
        publish += _working_off(service)
    hears = (f"{inbox(service)}.>", f"ask.{service}.>", streams.DEFINITIONS_CHANGED)
    return Grant(tuple(publish), hears, answers=True)


def _reads(duties: Duties, partners: Sequence[str]) -> list[str]:
    ingress = [streams.ingress_stream(partner).name for partner in partners] if duties.reads_partners else []
    return [*duties.reads, *ingress, *(f"KV_{bucket}" for bucket in BUCKETS)]


def _reading(stream: str) -> list[str]:
    """Look at a stream, get single messages, read through a consumer of one's own."""
    verbs = ("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET", "CONSUMER.CREATE")
    deeper = ("DIRECT.GET", "CONSUMER.CREATE", "CONSUMER.INFO", "CONSUMER.MSG.NEXT", "CONSUMER.DELETE")
    return [
        *(f"$JS.API.{verb}.{stream}" for verb in verbs),
        *(f"$JS.API.{verb}.{stream}.>" for verb in deeper),
        f"$JS.FC.{stream}.>",
    ]


def _working_off(service: str) -> list[str]:
    """Take commands from the one durable consumer of this service, which provisioning made."""
    durable = f"{COMMANDS_STREAM}.{streams.commands_durable(service)}"
    return [
        f"$JS.API.STREAM.INFO.{COMMANDS_STREAM}",
        f"$JS.API.CONSUMER.INFO.{durable}",
        f"$JS.API.CONSUMER.MSG.NEXT.{durable}",
        # Acknowledgements in their older form and in the one that names domain and account.
        f"$JS.ACK.{durable}.>",
        f"$JS.ACK.*.*.{durable}.>",
    ]
