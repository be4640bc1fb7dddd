"""Makes streams, buckets and durable consumers what they should be: one idempotent step.

Never called by a running service.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from nats.js import api
from nats.js.errors import APIError, NotFoundError

from services.runtime.bus import Bus
from services.runtime.streams import (
    ConsumerSpec,
    Spec,
    StreamSpec,
    buckets,
    commands_consumer,
    commands_stream,
    facts_stream,
    ingress_stream,
    intake_stream,
    key_value,
    object_store,
)

__all__ = [
    "Change",
    "ConsumerSpec",
    "ProvisionRefused",
    "Spec",
    "StreamSpec",
    "buckets",
    "commands_consumer",
    "commands_stream",
    "drift",
    "facts_stream",
    "ingress_stream",
    "intake_stream",
    "key_value",
    "object_store",
    "provision",
]

# Defaults of nats-py that the server answers in another spelling, or that no spec decides.
_LEFT_TO_SERVER = {"no_ack", "sealed", "deny_delete", "deny_purge", "max_msg_size"}

# The server's word for a subject that another stream has (nats-server, JSStreamSubjectOverlapErr).
_SUBJECTS_TAKEN = 10065


class ProvisionRefused(Exception):
    """The server would not have it; the text names the stream and what to do."""


class _SubjectsTaken(ProvisionRefused):
    """Another stream still has some of its subjects."""


@dataclass(frozen=True)
class Change:
    """What provisioning did to one stream or consumer; `detail` names what was different."""

    name: str
    did: Literal["created", "updated"]
    detail: str = ""


async def provision(bus: Bus, specs: Iterable[Spec], *, replicas: int = 1) -> list[Change]:
    """Make everything as specified; streams before consumers. Raises ProvisionRefused.

    A subject may move from one stream to another: whoever takes it waits until it was given away.
    """
    several = list(specs)
    changes = []
    waiting: list[Spec] = [spec for spec in several if isinstance(spec, StreamSpec)]
    while waiting:
        refused: list[tuple[Spec, _SubjectsTaken]] = []
        for spec in waiting:
            try:
                changes += await _make(bus, spec, replicas)
            except _SubjectsTaken as taken:
                refused.append((spec, taken))
        if len(refused) == len(waiting):
            raise refused[0][1]
        waiting = [spec for spec, _ in refused]
    for spec in several:
        if isinstance(spec, ConsumerSpec):
            changes += await _make(bus, spec, replicas)
    return changes


async def _make(bus: Bus, spec: Spec, replicas: int) -> list[Change]:
    found = await _difference(bus, spec, replicas)
    if found == "":
        return []
    try:
        await _apply(bus, spec, replicas, exists=found is not None)
    except APIError as error:
        kind = _SubjectsTaken if error.err_code == _SUBJECTS_TAKEN else ProvisionRefused
        raise kind(_refusal(spec, found, error)) from error
    return [Change(spec.name, "updated" if found else "created", found or "")]


async def drift(bus: Bus, specs: Iterable[Spec], *, replicas: int = 1) -> list[str]:
    """What is not as specified, one line each; empty when all is well."""
    lines = []
    for spec in specs:
        found = await _difference(bus, spec, replicas)
        if found is None:
            lines.append(f"{spec.name} is missing: run `leadwire provision`")
        elif found:
            lines.append(f"{spec.name} differs: {found}")
    return lines


async def _apply(bus: Bus, spec: Spec, replicas: int, *, exists: bool) -> None:
    if isinstance(spec, ConsumerSpec):
        await bus.js.add_consumer(spec.stream, spec.config())
    elif exists:
        await bus.js.update_stream(spec.config(replicas))
    else:
        await bus.js.add_stream(spec.config(replicas))


async def _difference(bus: Bus, spec: Spec, replicas: int) -> str | None:
    """What differs on the server, in words; None when the thing is missing."""
    wanted: Any
    actual: Any
    try:
        if isinstance(spec, ConsumerSpec):
            wanted = spec.config()
            actual = (await bus.js.consumer_info(spec.stream, spec.name)).config
        else:
            wanted = spec.config(replicas)
            actual = (await bus.js.stream_info(spec.name)).config
    except NotFoundError:
        return None
    differing = [
        f"{field} is {_told(getattr(actual, field))}, should be {_told(value)}"
        for field, value in _stated(wanted).items()
        if _told(getattr(actual, field)) != _told(value)
    ]
    return "; ".join(differing)


def _stated(config: Any) -> dict[str, Any]:
    """The fields that a spec decides; the rest is the server's to fill in."""
    names = [name for name in vars(config) if name not in _LEFT_TO_SERVER]
    return {name: getattr(config, name) for name in names if getattr(config, name) is not None}


def _told(value: Any) -> str:
    """A value as people and comparisons read it: empty, false and absent are the same."""
    if not value:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, api.RePublish):
        return f"{value.src} to {value.dest}"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(getattr(value, "value", value))


def _refusal(spec: Spec, found: str | None, error: APIError) -> str:
    wish = f"changed ({found})" if found else "created"
    return (
        f"{spec.name} cannot be {wish}: {error.description} ({error.err_code}). "
        "Free space or raise the server's limits if it is about storage; what cannot be changed in "
        "place has to be copied to a stream of another name."
    )
