"""What an SMPP driver remembers stays small enough for the bus."""

import json
from datetime import UTC, datetime, timedelta

import smpp34

from services.connectors.drivers.smpp.memory import Memory
from services.hub.engines.nats_config import MEGABYTE

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def part(message: int, number: int) -> bytes:
    """One of six parts; every message is of another person."""
    text = bytes([5, 0, 3, 7, 6, number]) + b"x" * 134
    return smpp34.DeliverSm(f"44794{message:06}", "5550", text, esm_class=0x40).encode()


def test_however_much_is_in_doubt_or_incomplete_the_cursor_fits_into_a_message_of_the_bus() -> None:
    doubts = [[f"{number:024}", f"{'a' * 16}-{number}", NOW.isoformat()] for number in range(12_000)]
    memory = Memory({"doubts": doubts})
    overdue = 0
    for message in range(500):
        now = NOW + timedelta(milliseconds=message)
        for number in range(1, 6):
            assert memory.add(part(message, number), f"{message}-{number}", 5 * message + number, now) is None
        overdue += len(memory.overdue(now))
        memory.stored(now)
        assert message % 100 != 99 or len(json.dumps(memory.plain)) < MEGABYTE - 50_000
    assert overdue + len(memory.plain["long"]) == 500, "none is lost: the oldest goes incomplete"
    assert memory.plain["doubts"][-1][1] == "499-5"
