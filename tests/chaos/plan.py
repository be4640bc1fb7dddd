"""What is to happen, drawn from a seed: who writes through which inlet, and what breaks when."""

import random
from dataclasses import dataclass, field
from typing import Literal

Channel = Literal["form", "chat", "mail", "portal"]
FaultKind = Literal["kill", "pause", "cut", "cut-mid", "delay", "freeze", "fill"]
CHANNELS: tuple[Channel, ...] = ("form", "chat", "mail", "portal")
ENGINES = ("nats", "postgres")
ROADS = (*ENGINES, "smtp")
"""What a proxy stands before."""


@dataclass(frozen=True)
class Settings:
    """How hard it gets. `off` names guards that are taken out; `kills` are per process."""

    deliveries: int = 5000
    kills: int = 20
    pauses: int = 4
    seconds: float = 280.0
    repeats: bool = True
    fills: int = 2
    off: frozenset[str] = field(default_factory=frozenset)

    @property
    def dedupe_seconds(self) -> float:
        """How long the bus itself knows repeats: hardly, or as in production."""
        return 0.1 if self.repeats else 120.0


@dataclass(frozen=True)
class Touch:
    """One thing a person sends, once or again. `number` is unique and told in it."""

    number: int
    person: int
    channel: Channel
    at: float
    email: bool = False
    phone: bool = False
    again_after: tuple[float, ...] = ()
    """Seconds after its acceptance at which the sender, not knowing better, sends it again."""
    impatient: bool = False
    """Whether the sender gives up after the first failure."""

    @property
    def identities(self) -> frozenset[str]:
        """By what the person can be known from it."""
        found = {f"email:{self.address}"} if self.email else set()
        found |= {f"phone:{self.telephone}"} if self.phone else set()
        return frozenset(found | ({f"telegram:{self.chat}"} if self.channel == "chat" else set()))

    @property
    def address(self) -> str:
        return f"person{self.person}@people.test"

    @property
    def telephone(self) -> str:
        return f"+44207{1_000_000 + 7 * self.person}"

    @property
    def chat(self) -> int:
        return 700_000 + self.person


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, at seconds after the begin. `target` is a process or a road."""

    at: float
    kind: FaultKind
    target: str
    seconds: float = 0.0
    amount: float = 0.0


@dataclass(frozen=True)
class Plan:
    """Everything of a run that a seed decides."""

    seed: int
    settings: Settings
    touches: list[Touch]
    faults: list[Fault]


def draw(seed: int, settings: Settings, processes: tuple[str, ...]) -> Plan:
    """The plan of a seed; the same one each time. `processes` can be killed and paused."""
    chance = random.Random(seed)
    touches = _touches(chance, settings)
    faults = [*_on_processes(chance, settings, processes), *_on_roads(chance, settings)]
    faults += _fills(chance, settings)
    return Plan(seed, settings, touches, sorted(faults, key=lambda fault: fault.at))


def _touches(chance: random.Random, settings: Settings) -> list[Touch]:
    """As many as will be accepted, and some by people who give up, which may be."""
    found: list[Touch] = []
    person = certain = 0
    while certain < settings.deliveries:
        begin = chance.uniform(0, settings.seconds)
        for _ in range(chance.choice((1, 1, 2, 2, 3, 3, 4, 6))):
            at = min(settings.seconds, begin + chance.choice((0.0, 0.02, 1.0, 10.0)) * chance.random())
            found.append(_touch(chance, settings, len(found), person, at))
            certain += not found[-1].impatient
        person += 1
    return sorted(found, key=lambda touch: touch.at)


def _touch(chance: random.Random, settings: Settings, number: int, person: int, at: float) -> Touch:
    channel = chance.choice(CHANNELS)
    email = channel == "mail" or (channel != "chat" and chance.random() < 0.7)
    phone = channel != "mail" and (chance.random() < 0.4 or (channel != "chat" and not email))
    again = chance.choices((0, 1, 2), (85, 12, 3))[0] if settings.repeats else 0
    return Touch(
        number,
        person,
        channel,
        at,
        email,
        phone,
        tuple(chance.uniform(0.0, 8.0) for _ in range(again)),
        chance.random() < 0.03,
    )


def _on_processes(chance: random.Random, settings: Settings, processes: tuple[str, ...]) -> list[Fault]:
    """Each process is killed once in each of as many equal spans of time, so that it lives in between."""
    found: list[Fault] = []
    for process in processes:
        for kind, count in (("kill", settings.kills), ("pause", settings.pauses)):
            for place in range(count):
                at = settings.seconds * (place + chance.uniform(0.1, 0.9)) / count
                long = chance.uniform(0.0, 0.4) if kind == "kill" else chance.uniform(0.5, 3.0)
                found.append(Fault(at, kind, process, long))  # type: ignore[arg-type]
    return found


def _on_roads(chance: random.Random, settings: Settings) -> list[Fault]:
    found: list[Fault] = []
    for road in ROADS:
        for _ in range(settings.kills):
            at = chance.uniform(0.02, 0.95) * settings.seconds
            kind: FaultKind = chance.choice(("cut", "cut-mid", "cut-mid", "delay", "freeze"))
            found.append(Fault(at, kind, road, chance.uniform(0.3, 2.0), chance.random()))
    return found


def _fills(chance: random.Random, settings: Settings) -> list[Fault]:
    """Disks fill between the first and the last tenth."""
    return [
        Fault(settings.seconds * (0.1 + 0.8 * (place + chance.random()) / settings.fills), "fill", disk, 3.0)
        for place in range(settings.fills)
        for disk in ENGINES
    ]
