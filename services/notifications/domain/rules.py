"""Sequences, templates and senders as the rules see them, once the definitions have been checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta

from services.notifications.domain.enrolment import StopEvent, UnknownPolicy
from services.notifications.domain.schedule import Delay


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes, and where answers go."""

    name: str
    address: str
    reply_to: str | None = None

    @property
    def domain(self) -> str:
        """The part after the @."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Template:
    """A letter to be filled in; Liquid in all three."""

    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a sequence. `rule` is its time as people wrote it."""

    name: str
    delay: Delay
    at: time | None
    rule: str
    medium: str
    template: str
    late_after: timedelta
    unknown: UnknownPolicy


@dataclass(frozen=True, slots=True)
class Sequence:
    """A series of steps. `purpose` is the consent it needs; None for answers to the person's own wish."""

    name: str
    title: str
    purpose: str | None
    sender: str
    stop_on: tuple[StopEvent, ...]
    zone: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """One version of everything this service is configured with."""

    sequences: Mapping[str, Sequence] = field(default_factory=dict)
    templates: Mapping[str, Template] = field(default_factory=dict)
    senders: Mapping[str, Sender] = field(default_factory=dict)

    def sender_of(self, sequence: Sequence) -> Sender:
        """Who writes the letters of a sequence."""
        return self.senders[sequence.sender]
