"""Compares what the services did with a serial replay of the streams' first occurrences."""

from collections import defaultdict
from dataclasses import dataclass

import asyncpg
from nats.js import JetStreamContext

from contracts.envelope import KEY_HEADER, decode
from services.runtime.bus import Bus
from tests.proof.model import Echoed, fold
from tests.proof.world import World

Ledger = dict[str, list[str]]


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a history; nothing if it is right."""

    wrong: list[str]
    facts: int

    def __bool__(self) -> bool:
        return not self.wrong


async def judge(world: World, discarded: set[str], open_ends: str) -> Verdict:
    """The verdict on a settled world."""
    wrong = [f"not settled: {open_ends}"] if open_ends else []
    bus = await Bus.connect(world.nats_url)
    connection = await asyncpg.connect(world.dsn)
    try:
        source = await _first_occurrences(bus.js, "CRM_FLOOR")
        echoes = await _first_occurrences(bus.js, "CRM_ECHO")
        floor, echo = await _ledger(connection, "floor"), await _ledger(connection, "echo")
        expected = {key: [e for e in ids if e not in discarded] for key, ids in source.items()}
        wrong += _differences("first service", expected, floor)
        wrong += _differences("second service", echoes, echo)
        wrong += _differences("between the services", floor, echo)
        if wrong:
            wrong.append(await _circumstances(connection, expected, floor))
        for schema, ledger in (("floor", floor), ("echo", echo)):
            wrong += await _wrong_states(connection, schema, ledger)
    finally:
        await connection.close()
        await bus.close()
    return Verdict(wrong, sum(map(len, source.values())))


async def _first_occurrences(js: JetStreamContext, stream: str) -> Ledger:
    """Per key, the events in stream order, each where it first stands."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    state = (await js.stream_info(stream)).state
    for seq in range(state.first_seq, state.last_seq + 1):
        message = await js.get_msg(stream, seq)
        headers = message.headers or {}
        event = headers["ce-id"]
        if headers["ce-type"] == Echoed.TYPE:
            event = decode(message.data or b"").data["of"]
        found[headers[KEY_HEADER]].setdefault(event)
    return {key: list(events) for key, events in found.items()}


async def _ledger(connection: "asyncpg.Connection[asyncpg.Record]", schema: str) -> Ledger:
    ledger: Ledger = defaultdict(list)
    for row in await connection.fetch(f"SELECT key, event_id FROM {schema}.ledger ORDER BY place"):
        ledger[row["key"]].append(row["event_id"])
    return ledger


def _differences(where: str, expected: Ledger, found: Ledger) -> list[str]:
    return [
        f"{where}: {key}: {_first_difference(expected.get(key, []), found.get(key, []))}"
        for key in sorted({*expected, *found})
        if expected.get(key, []) != found.get(key, [])
    ]


def _first_difference(expected: list[str], found: list[str]) -> str:
    if len(found) != len(set(found)):
        return "doubled"
    if missing := [event for event in expected if event not in found]:
        return f"{len(missing)} missing, the first at place {expected.index(missing[0])}"
    if sorted(expected) == sorted(found):
        return "reordered"
    return f"{len(found)} applied instead of {len(expected)}"


async def _circumstances(
    connection: "asyncpg.Connection[asyncpg.Record]", expected: Ledger, found: Ledger
) -> str:
    """What to know of a wrong history: is what is missing believed done, where do readers stand?"""
    applied = {event for events in found.values() for event in events}
    missing = [event for events in expected.values() for event in events if event not in applied]
    believed = await connection.fetchval(
        "SELECT count(*) FROM floor.inbox WHERE event_id = ANY($1::text[])", missing
    )
    rows = await connection.fetch(
        "SELECT stream, seq FROM floor.positions UNION ALL SELECT stream, seq FROM echo.positions"
    )
    stands = ", ".join(f"{row['stream']} {row['seq']}" for row in rows)
    return f"{len(missing)} missing, {believed} of them in the inbox; positions: {stands}"


async def _wrong_states(
    connection: "asyncpg.Connection[asyncpg.Record]", schema: str, ledger: Ledger
) -> list[str]:
    rows = await connection.fetch(f"SELECT key, digest FROM {schema}.state")
    states = {row["key"]: row["digest"] for row in rows}
    wrong = []
    for key, events in ledger.items():
        digest = ""
        for event in events:
            digest = fold(digest, event)
        if states.get(key) != digest:
            wrong.append(f"{schema}: the state of {key} is not that of its events")
    return wrong
