"""How far what was accepted has come: rows and letters of a hub."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from email.parser import BytesHeaderParser

from tests.e2e.hub import Hub

TABLES = (
    "connectors.interactions",
    "leads.contacts",
    "leads.leads",
    "deals.deals",
    "notifications.enrolments",
)
_EVERY_SECONDS = 1.0
_TELL_SECONDS = 10.0


def letters(hub: Hub) -> int:
    """How many were caught, without reading any."""
    folder = hub.home / "mailbox"
    return sum(not name.startswith(".") for name in os.listdir(folder)) if folder.is_dir() else 0


@dataclass(frozen=True)
class CaughtUp:
    """How long it took until the last letter was out, and how many letters went out in that time."""

    seconds: float
    letters: int

    @property
    def per_second(self) -> float:
        """The rate of letters."""
        return self.letters / self.seconds if self.seconds else 0.0


async def caught_up(hub: Hub, wanted: int, within: float, tell: bool = True) -> CaughtUp:
    """Wait until so many letters were caught in all. AssertionError when it takes longer."""
    begun, at_first = time.monotonic(), letters(hub)
    now, told_at, told = at_first, begun, at_first
    while now < wanted:
        passed = time.monotonic() - begun
        if passed > within:
            raise AssertionError(f"{now} of {wanted} letters after {within:g} s")
        if tell and time.monotonic() - told_at > _TELL_SECONDS:
            rate = (now - told) / (time.monotonic() - told_at)
            print(f"  {passed:6.0f} s  {now:6d} of {wanted}, {rate:.0f}/s", flush=True)
            told_at, told = time.monotonic(), now
        await asyncio.sleep(_EVERY_SECONDS if wanted - now > 200 else 0.05)
        now = letters(hub)
    return CaughtUp(time.monotonic() - begun, now - at_first)


async def verdict(hub: Hub, accepted: Collection[str], sent: int) -> list[str]:
    """What is wrong: something accepted that has no row or letter, or has two. Empty when all is well."""
    wrong = await wrong_rows(hub, accepted, sent)
    told = await asyncio.to_thread(recipients, hub)
    print(f"  {'letters':28} {told.total()} to {len(told)} people")
    if missing := set(accepted) - set(told):
        wrong.append(f"{len(missing)} people have no letter")
    if twice := [one for one, count in told.items() if count > 1]:
        wrong.append(f"{len(twice)} people have more than one letter")
    return wrong


async def wrong_rows(hub: Hub, accepted: Collection[str], sent: int) -> list[str]:
    """Tables with fewer rows than were accepted, or more than were sent, and whatever is parked.

    An answer that was lost on its way may have left more than was accepted, never more than was sent.
    """
    wrong = []
    for table in TABLES:
        count = await hub.count(table)
        print(f"  {table:28} {count}")
        if not len(accepted) <= count <= sent:
            wrong.append(f"{table} has {count} rows for {len(accepted)} accepted forms")
    for service in ("connectors", "leads", "deals", "notifications"):
        if count := await hub.count(f"{service}.parked"):
            wrong.append(f"{count} events are parked in {service}")
    return wrong


def recipients(hub: Hub) -> Counter[str]:
    """How many letters each person has."""
    found: Counter[str] = Counter()
    parser = BytesHeaderParser()
    for letter in (hub.home / "mailbox").glob("[!.]*.eml"):
        with letter.open("rb") as file:
            found[str(parser.parse(file)["X-Envelope-To"])] += 1
    return found
