"""Streams, buckets and durable consumers, as they should be.

Limits follow NATS JetStream's stream configuration.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from nats.js import api

from contracts.contract import COMMANDS_STREAM

GIBIBYTE = 1024**3
DEFINITIONS_BUCKET = "definitions"
DEFINITIONS_CHANGED = "definitions.changed"
TOKENS_BUCKET = "tokens"
INLETS_BUCKET = "inlets"
DELIVERIES_STORE = "deliveries"
FILES_STORE = "files"
# Long enough that nothing is handed out twice while a handler runs, short enough after a crash.
COMMAND_ACK_WAIT = timedelta(seconds=30)


@dataclass(frozen=True)
class StreamSpec:
    """One stream on disk. `max_age` None keeps for ever; `max_bytes` None has no limit of its own.

    `last_per_subject` keeps only so many messages of a subject. `bucket` gives it the rights that
    key-value buckets and object stores need. `republish` sends what was stored on to a subject.
    """

    name: str
    subjects: tuple[str, ...]
    description: str
    retention: Literal["limits", "workqueue"] = "limits"
    max_age: timedelta | None = None
    max_bytes: int | None = None
    duplicate_window: timedelta = timedelta(minutes=2)
    allow_atomic: bool = False
    last_per_subject: int | None = None
    bucket: bool = False
    republish: tuple[str, str] | None = None

    def config(self, replicas: int) -> api.StreamConfig:
        """The server's terms for it. A full stream refuses what is new; nothing old is pushed out."""
        return api.StreamConfig(
            name=self.name,
            description=self.description,
            subjects=list(self.subjects),
            retention=api.RetentionPolicy(self.retention),
            max_age=self.max_age.total_seconds() if self.max_age else 0,
            max_bytes=self.max_bytes or -1,
            max_msgs_per_subject=self.last_per_subject or -1,
            discard=api.DiscardPolicy.NEW,
            duplicate_window=self.duplicate_window.total_seconds(),
            storage=api.StorageType.FILE,
            num_replicas=replicas,
            allow_atomic=self.allow_atomic,
            allow_direct=self.bucket,
            allow_rollup_hdrs=self.bucket,
            republish=api.RePublish(*self.republish) if self.republish else None,
        )


@dataclass(frozen=True)
class ConsumerSpec:
    """One durable pull consumer with explicit acknowledgement, which never gives up on a message."""

    stream: str
    name: str
    filter_subject: str
    ack_wait: timedelta = COMMAND_ACK_WAIT
    # Also counts those that wait for another try, which must not block the others.
    max_ack_pending: int = 10_000

    def config(self) -> api.ConsumerConfig:
        """The server's terms for it."""
        return api.ConsumerConfig(
            durable_name=self.name,
            filter_subject=self.filter_subject,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self.ack_wait.total_seconds(),
            max_deliver=-1,
            max_ack_pending=self.max_ack_pending,
        )


Spec: TypeAlias = StreamSpec | ConsumerSpec


def intake_stream(keep: timedelta = timedelta(days=30), max_bytes: int = GIBIBYTE) -> StreamSpec:
    """Raw deliveries, byte for byte."""
    return StreamSpec(
        "INTAKE", ("intake.>",), "Raw deliveries", max_age=keep, max_bytes=max_bytes, allow_atomic=True
    )


PARTNER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Goes into a subject, a stream, an account and a file: no dots, no blanks."""
PARTNER_NAME_RULE = "Use a-z, 0-9, - and _, at most 40 of them, beginning with a letter or digit."


def ingress_stream(
    partner: str, keep: timedelta = timedelta(days=30), max_bytes: int = GIBIBYTE // 4
) -> StreamSpec:
    """What one outside system publishes; a stream of its own, so that its ids meet no others."""
    return StreamSpec(
        f"INGRESS_{partner.upper()}",
        (f"ingress.{partner}",),
        f"Raw deliveries of {partner}",
        max_age=keep,
        max_bytes=max_bytes,
    )


def facts_stream(owner: str, things: Sequence[str], keep: timedelta = timedelta(days=14)) -> StreamSpec:
    """The facts of one owning service about these things."""
    return StreamSpec(
        f"CRM_{owner.upper()}",
        tuple(f"crm.{thing}.>" for thing in things),
        f"Facts that {owner} owns",
        max_age=keep,
        allow_atomic=True,
    )


def commands_stream(max_bytes: int = GIBIBYTE // 4) -> StreamSpec:
    """Commands; each leaves when it is done."""
    return StreamSpec(
        COMMANDS_STREAM,
        ("do.>",),
        "Commands",
        retention="workqueue",
        max_bytes=max_bytes,
        allow_atomic=True,
    )


def commands_consumer(service: str) -> ConsumerSpec:
    """The commands to one service."""
    return ConsumerSpec(COMMANDS_STREAM, commands_durable(service), f"do.{service}.>")


def commands_durable(service: str) -> str:
    """The name of the durable that holds a service's commands."""
    return f"{service}-commands"


def key_value(
    bucket: str, description: str, *, history: int = 1, republish: tuple[str, str] | None = None
) -> StreamSpec:
    """A key-value bucket (NATS ADR-8)."""
    return StreamSpec(
        f"KV_{bucket}",
        (f"$KV.{bucket}.>",),
        description,
        last_per_subject=history,
        bucket=True,
        republish=republish,
    )


def object_store(bucket: str, description: str, keep: timedelta | None = None) -> StreamSpec:
    """An object store (NATS ADR-20)."""
    return StreamSpec(
        f"OBJ_{bucket}",
        (f"$O.{bucket}.C.>", f"$O.{bucket}.M.>"),
        description,
        max_age=keep,
        bucket=True,
    )


def buckets(keep_deliveries: timedelta = timedelta(days=30)) -> list[StreamSpec]:
    """What every hub has besides its streams: definitions, tokens, and bodies too large for a stream."""
    return [
        key_value(
            DEFINITIONS_BUCKET,
            "Definitions, all sets; which is active",
            history=5,
            # Sent on only when stored, so that whoever hears of it can read it.
            republish=(f"$KV.{DEFINITIONS_BUCKET}.active", DEFINITIONS_CHANGED),
        ),
        key_value(TOKENS_BUCKET, "Hashes of access tokens, with their roles"),
        key_value(INLETS_BUCKET, "Which process drives an inlet, and how far it got"),
        object_store(DELIVERIES_STORE, "Raw deliveries too large for a stream", keep_deliveries),
        object_store(FILES_STORE, "Files that came with deliveries, or that they name"),
    ]
