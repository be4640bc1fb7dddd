import asyncio
import time
from dataclasses import replace

import pytest

from services.connectors.domain import Delivery
from services.connectors.errors import Gone, NotStored
from services.connectors.store import raw
from services.runtime.bus import Bus
from services.runtime.received import RawMessage
from tests.connectors.fixtures import AT

LARGE = bytes(range(256)) * 6000
DELIVERY = Delivery(
    "site",
    "form",
    b"a=1\r\n\x00\xff",
    AT.replace(microsecond=123456),
    {"content-type": "x/y; charset=utf-8", "referer": "https://x.example/ä%20%?q=\r\nEvil: 1", "empty": ""},
    "utm=a%20b&c=ü",
    "POST",
)


async def stored(bus: Bus, seq: int = 1) -> raw.Stored:
    return raw.stored_delivery(await raw.message_at(bus, raw.STREAM, seq))


async def test_a_delivery_comes_back_as_it_was_handed_over(bus: Bus) -> None:
    await raw.store(bus, DELIVERY, 5)
    back = (await stored(bus)).delivery
    assert back == replace(DELIVERY, known_id=DELIVERY.id)
    assert back.id == DELIVERY.id


async def test_the_same_bytes_at_once_are_stored_once(bus: Bus) -> None:
    await asyncio.gather(*(raw.store(bus, replace(DELIVERY, query=str(n)), 5) for n in range(50)))
    assert (await bus.js.stream_info(raw.STREAM)).state.messages == 1


async def test_a_large_body_goes_to_the_object_store_first(bus: Bus) -> None:
    delivery = replace(DELIVERY, body=LARGE)
    await raw.store(bus, delivery, 5)
    back = await stored(bus)
    assert back.large
    assert back.delivery.body == b""
    assert back.delivery.id == delivery.id
    assert await raw.large_body(bus, back.delivery) == LARGE


async def test_large_bodies_handed_over_at_once_stay_whole(bus: Bus) -> None:
    delivery = replace(DELIVERY, body=LARGE)
    await asyncio.gather(*(raw.store(bus, delivery, 10) for _ in range(10)))
    assert await raw.large_body(bus, delivery) == LARGE


async def test_a_large_body_that_is_gone_or_another_is_said_to_be(bus: Bus) -> None:
    with pytest.raises(Gone):
        await raw.large_body(bus, replace(DELIVERY, body=LARGE))
    objects = await bus.objects("deliveries")
    await objects.put(DELIVERY.id, b"somebody else's")
    with pytest.raises(Gone):
        await raw.large_body(bus, DELIVERY)


async def test_a_message_that_is_gone_is_said_to_be(bus: Bus) -> None:
    with pytest.raises(Gone):
        await raw.message_at(bus, raw.STREAM, 17)


async def test_without_the_bus_the_sender_is_told_within_the_deadline(bus: Bus) -> None:
    await bus.js.delete_stream(raw.STREAM)
    begun = time.monotonic()
    with pytest.raises(NotStored):
        await raw.store(bus, DELIVERY, 0.5)
    assert time.monotonic() - begun < 2


async def test_a_full_stream_refuses_instead_of_forgetting(bus: Bus) -> None:
    info = await bus.js.stream_info(raw.STREAM)
    info.config.max_bytes = 100
    await bus.js.update_stream(info.config)
    with pytest.raises(NotStored):
        await raw.store(bus, DELIVERY, 1)


def test_headers_of_a_partner_count_for_nothing() -> None:
    headers = {"Leadwire-Kind": "form", "Nats-Msg-Id": "x", "Leadwire-Object": "y", "In-content-type": "z"}
    message = RawMessage("INGRESS_ACME", "ingress.acme", 5, headers, b"{}", AT)
    found = raw.partner_delivery(message, "acme", "nats")
    assert found.delivery == Delivery("acme", "nats", b"{}", AT)
    assert not found.large


@pytest.mark.parametrize("missing", ["Leadwire-Kind", "Leadwire-Received", "Nats-Msg-Id"])
def test_a_message_without_our_headers_is_no_delivery(missing: str) -> None:
    headers = {"Leadwire-Kind": "form", "Leadwire-Received": AT.isoformat(), "Nats-Msg-Id": "x"}
    del headers[missing]
    with pytest.raises((KeyError, ValueError)):
        raw.stored_delivery(RawMessage("INTAKE", "intake.site", 1, headers, b"", AT))
