"""What each service may do on the bus: publish what it owns, read what it needs, nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.contract import COMMANDS_STREAM
from services.hub.engines.nats_config import Grant
from services.runtime import streams


@dataclass(frozen=True)
class Duties:
    """One service's part in the traffic. Streams and buckets by name, questions and commands by service."""

    publishes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    buckets: tuple[str, ...] = (streams.DEFINITIONS_BUCKET, streams.TOKENS_BUCKET)
    objects: tuple[str, ...] = ()
    erases: tuple[str, ...] = ()
    reads_partners: bool = False


SERVICES: dict[str, Duties] = {
    "connectors": Duties(
        publishes=("intake.>", "crm.interactions.>", "crm.calls.>", "crm.receipts.>"),
        reads=("INTAKE",),
        objects=(streams.DELIVERIES_STORE,),
        erases=("INTAKE",),
        reads_partners=True,
    ),
    "leads": Duties(
        publishes=("crm.contacts.>", "crm.leads.>"),
        reads=("CRM_CONNECTORS", "CRM_DEALS", "CRM_NOTIFICATIONS"),
    ),
    "deals": Duties(
        publishes=("crm.deals.>", "crm.tasks.>", "crm.payments.>"),
        reads=("CRM_LEADS", "CRM_NOTIFICATIONS"),
        commands=("notifications",),
        asks=("leads",),
    ),
    "notifications": Duties(
        publishes=("crm.messages.>", "crm.sequences.>"),
        reads=("CRM_CONNECTORS", "CRM_LEADS", "CRM_DEALS"),
        asks=("leads",),
    ),
}


def inbox(service: str) -> str:
    """The prefix of a service's replies: its connections must use it."""
    return f"_INBOX_{service}"


def grant(service: str, partners: Sequence[str] = ()) -> Grant:
    """The subjects of one service. Every partner's stream is read by connectors."""
    duties = SERVICES[service]
    publish = [
        "$JS.API.INFO",
        *duties.publishes,
        *(f"do.{other}.>" for other in duties.commands),
        *(f"ask.{other}.>" for other in duties.asks),
    ]
    for stream in _reads(service, partners):
        publish += _reading(stream)
    for bucket in duties.buckets:
        publish += _reading(f"KV_{bucket}")
    for store in duties.objects:
        # The client looks a store's stream up by subject; names are all it learns.
        publish += ["$JS.API.STREAM.NAMES", f"$JS.API.STREAM.PURGE.OBJ_{store}", f"$O.{store}.>"]
        publish += _reading(f"OBJ_{store}")
    for stream in duties.erases:
        publish.append(f"$JS.API.STREAM.MSG.DELETE.{stream}")
    publish += _working_off(service)
    hears = (f"{inbox(service)}.>", f"ask.{service}.>", streams.DEFINITIONS_CHANGED)
    return Grant(tuple(publish), hears, answers=True)


def _reads(service: str, partners: Sequence[str]) -> list[str]:
    duties = SERVICES[service]
    ingress = [streams.ingress_stream(partner).name for partner in partners] if duties.reads_partners else []
    # Its own facts as well: the relay asks what its stream holds.
    return [*duties.reads, f"CRM_{service.upper()}", *ingress]


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
        f"$JS.API.CONSUMER.INFO.{durable}",
        f"$JS.API.CONSUMER.MSG.NEXT.{durable}",
        # Acknowledgements in their older form and in the one that names domain and account.
        f"$JS.ACK.{durable}.>",
        f"$JS.ACK.*.*.{durable}.>",
    ]
