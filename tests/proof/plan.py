"""What a history does, drawn from its seed alone: the facts, their repeats and the faults."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from services.runtime.cause import Cause
from services.runtime.outbox import Outgoing, seal
from tests.proof.model import Happened
from tests.proof.world import WORKERS

SECONDS = 3.0
FAULTS = ("kill", "kill", "pause", "nats", "postgres", "cut", "cut", "cut-mid", "cut-mid", "cut-database")


@dataclass(frozen=True)
class Settings:
    """What is asked of a history besides its seed. `sick` is the share of facts that fail
    at first, `slow` the seconds that handling and the network take longer,
    `patience` the seconds in which something must move until all is settled."""

    facts: int = 250
    repeats: bool = True
    faults: bool = True
    off: frozenset[str] = frozenset()
    dedupe_seconds: float = 0.1
    rooms: int = 12
    sick: float = 0.09
    slow: float = 0.0
    patience: float = 30.0


@dataclass(frozen=True)
class Sending:
    """One publication: when, in seconds from the start, and what. A repeat has the same event id."""

    at: float
    fact: Outgoing
    ailment: str


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    at: float
    kind: str
    place: int
    amount: float


@dataclass(frozen=True)
class Plan:
    """Everything a history does."""

    seed: int
    settings: Settings
    sendings: list[Sending]
    faults: list[Fault]


def draw(seed: int, settings: Settings) -> Plan:
    """The plan of a seed; the same one each time."""
    chance = random.Random(seed)
    firsts = [_fact(chance, number, settings) for number in range(settings.facts)]
    repeats = [_repeat(chance, sending) for sending in firsts if settings.repeats and chance.random() < 0.15]
    sendings = sorted([*firsts, *repeats], key=lambda sending: sending.at)
    faults = [_fault(chance) for _ in range(chance.randint(3, 6))] if settings.faults else []
    return Plan(seed, settings, sendings, sorted(faults, key=lambda fault: fault.at))


def _fact(chance: random.Random, number: int, settings: Settings) -> Sending:
    ailment = chance.choices(("retry", "poison", "garbage"), (4, 3, 2))[0]
    if chance.random() >= settings.sick:
        ailment = ""
    event_id = str(UUID(int=chance.getrandbits(128), version=4))
    happened = Happened(
        room=f"room-{chance.randrange(settings.rooms)}",
        number=number,
        ailment=ailment if ailment in ("retry", "poison") else "",
    )
    now = datetime(2026, 1, 1, tzinfo=UTC)
    cause = Cause(event_id, event_id)
    fact = seal(happened, event_id=event_id, source="driver", now=now, cause=cause)
    if ailment == "garbage":
        fact = Outgoing(event_id, fact.stream, fact.subject, fact.key, fact.headers, b'{"specversion":')
    return Sending(number / settings.facts * SECONDS, fact, ailment)


def _repeat(chance: random.Random, first: Sending) -> Sending:
    """Later than any dedupe window the history uses."""
    return Sending(first.at + chance.uniform(0.2, 1.5), first.fact, first.ailment)


def _fault(chance: random.Random) -> Fault:
    return Fault(
        chance.uniform(0.3, SECONDS), chance.choice(FAULTS), chance.randrange(WORKERS), chance.random()
    )
