"""One run: load and faults together, then peace, then the ledger."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from tests.chaos.again import repeating
from tests.chaos.bus import BusAddress
from tests.chaos.canonical import differences
from tests.chaos.evidence import keep_evidence
from tests.chaos.faults import Breaker
from tests.chaos.ledger import Facts, judge
from tests.chaos.mailroad import MOMENT, Losses
from tests.chaos.people import People
from tests.chaos.plan import Plan
from tests.chaos.replay import RAW, record, replay
from tests.chaos.settle import settle
from tests.chaos.sink import read_post
from tests.chaos.state import State, read_state
from tests.chaos.world import World

Say = Callable[[str], None]
_SHOWN = 8


@dataclass
class Verdict:
    """What was wrong, by check; and the figures to tell."""

    wrong: dict[str, list[str]]
    accepted: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return not any(self.wrong.values())


async def run(
    plan: Plan, where: AbstractAsyncContextManager[World], say: Say, patience: float = 180.0
) -> Verdict:
    """Live through a plan in a world and judge it. The serial replay runs in processes in any case."""
    settings = plan.settings
    async with where as here:
        say(f"up: {', '.join(here.targets)}")
        for name, disk in here.disks.items():
            say(f"disk of {name}: {disk.kind}")
        people = People(here.inlets, random.Random(plan.seed + 1))
        breaker = Breaker(here.targets, here.roads, here.disks)
        told = asyncio.create_task(_tell(people, breaker, say))
        try:
            async with repeating(here.bus, plan.seed + 2, settings.repeats) as again:
                await asyncio.gather(people.live(plan.touches), breaker.live(plan.faults))
        finally:
            told.cancel()
        begun = time.monotonic()
        left = await settle(here.dsn, here.bus, patience)
        say(f"settled after {time.monotonic() - begun:.0f} s" if not left else f"not settled: {left}")
        verdict = await _judge(here, people, breaker, left)
        verdict.lines.append(f"facts and commands published again on purpose: {again.said}")
        state = await read_state(here.dsn)
        persons = {one.touch.number: one.touch.person for one in people.sent}
        recording = await record(here, persons)
        kept = await keep_evidence(here)
    verdict.wrong["order"] = recording.out_of_order()
    tell(verdict, say)
    say(f"serial replay of {len(recording.messages)} deliveries")
    serial, unsettled = await replay(recording, patience)
    verdict.wrong["replay"] = [f"the replay did not settle: {unsettled}"] if unsettled else []
    verdict.wrong["replay"] += differences(state, serial)
    tell(Verdict({"replay": verdict.wrong["replay"]}), say)
    if not verdict:
        say(f"every table and every stream of this run: {kept}")
    return verdict


def tell(verdict: Verdict, say: Say) -> None:
    """Figures first, then each check with the first of what it found."""
    for line in verdict.lines:
        say(line)
    if verdict.kills:
        say(f"kills: {', '.join(f'{name} {count}' for name, count in verdict.kills.items())}")
    for check, wrong in verdict.wrong.items():
        say(f"  {check:12} {f'{len(wrong)} WRONG' if wrong else 'ok'}")
        for line in wrong[:_SHOWN]:
            say(f"    {line}")


async def _tell(people: People, breaker: Breaker, say: Say) -> None:
    begun = time.monotonic()
    while True:
        await asyncio.sleep(10)
        done = sum(bool(one.accepted) for one in people.sent)
        kills = sum(count for (kind, _), count in breaker.done.items() if kind == "kill")
        say(f"{time.monotonic() - begun:4.0f} s: {done} accepted, {kills} kills")


async def _judge(here: World, people: People, breaker: Breaker, left: str) -> Verdict:
    post, state = read_post(here.sink_log, here.mail.losses), await read_state(here.dsn)
    facts = Facts(people.sent, state, post, await _stored(here.bus))
    verdict = Verdict(judge(facts), kills={name: breaker.kills(name) for name in here.targets})
    verdict.wrong["settled"] = [left] if left else []
    verdict.accepted = sum(bool(one.accepted) for one in people.sent)
    verdict.lines = _figures(people, breaker, facts, state)
    return verdict


async def _stored(where: BusAddress) -> dict[str, int]:
    connection = await where.connect()
    try:
        return {name: (await connection.jetstream().stream_info(name)).state.messages for name in RAW}
    finally:
        await connection.close()


def _figures(people: People, breaker: Breaker, facts: Facts, state: State) -> list[str]:
    sent, post = people.sent, facts.post
    attempts = sum(one.accepted + one.failed for one in sent)
    accepted = sum(bool(one.accepted) for one in sent)
    effected = len({row["id"] for row in state.interactions})
    states = Counter(row["state"] for row in state.messages)
    unknown = {row["message_id"] for row in state.messages if row["state"] == "unknown"}
    others = Counter(kind for (kind, _), count in breaker.done.items() for _ in range(count))
    return [
        f"sent {attempts} times: {len(sent)} different, {accepted} accepted,"
        f" {sum(one.accepted > 1 for one in sent)} of them more than once; {effected} effected,"
        f" {effected - accepted} of them without an answer",
        f"answers: {dict(sorted(people.answers.items()))}",
        f"faults: {dict(others)}",
        f"contacts {sum(not row['merged_into'] for row in state.contacts)}"
        f" (+{sum(bool(row['merged_into']) for row in state.contacts)} merged), leads {len(state.leads)},"
        f" deals {len(state.deals)}, enrolments {len(state.enrolments)}, messages {dict(states)}",
        f"letters taken {sum(post.taken.values())}; unknown {len(unknown)}, of which"
        f" {len(unknown & post.taken.keys())} were taken",
        *_on_the_wire(facts.post.losses, unknown),
    ]


def _on_the_wire(losses: Losses, unknown: set[str]) -> list[str]:
    """Where letters were when their connection broke, and how many of those are unknown."""
    told = [
        f"connections that broke in DATA, no answer at the sender's socket: {len(losses.in_data)},"
        f" unknown of these {len(unknown & set(losses.in_data))};"
        f" {losses.in_data.count('')} of them before the name of the letter"
    ]
    for unread, words in ((True, "at its socket, not read"), (False, "read, at most just noted")):
        found = losses.just_answered(unread=unread)
        ages = sorted(round(losses.answered[one].age, 3) for one in found & unknown)
        told.append(
            f"  with the answer {words}, within {MOMENT * 1000:.0f} ms: {len(found)},"
            f" unknown of these {len(ages)}{f', after {ages} s' if ages else ''}"
        )
    return told
