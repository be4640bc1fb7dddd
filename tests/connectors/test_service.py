import asyncio
import json
from collections.abc import AsyncIterator

import aiosmtplib
import pytest

from services.runtime.bus import Bus
from services.runtime.provision import provision
from services.runtime.streams import ingress_stream
from tests.connectors.running import ALL_CHANNELS, Service, activate, running
from tests.connectors.stage import SECRETS
from tests.support.accounts import NatsAccount
from tests.support.wait import until

TOKEN = {"X_Telegram_Bot_Api_Secret_Token": SECRETS["BOT"]}
MAIL = (
    b"From: Anna <anna@example.com>\r\nTo: info@school.example\r\nSubject: Hi\r\n"
    b"Message-ID: <m1@example.com>\r\nIn-Reply-To: <ours@school.example>\r\n\r\n.dot\r\nHello\r\n"
)


def update(message: int) -> str:
    chat = {"id": 7, "type": "private"}
    written = {"message_id": message, "date": 1768471200, "chat": chat, "from": {"id": 7}, "text": "hi"}
    return json.dumps({"update_id": message, "message": written})


@pytest.fixture
async def service(bus: Bus, nats_account: NatsAccount, database_dsn: str) -> AsyncIterator[Service]:
    await activate(bus, ALL_CHANNELS)
    async with running(nats_account, database_dsn) as service:
        await service.define(ALL_CHANNELS)
        yield service


async def test_a_form_is_answered_and_becomes_a_fact(service: Service) -> None:
    answer = await service.post("site", "your-name=Anna&tel=123", accept="text/html")
    assert answer.status_code == 200
    assert "Thank you" in answer.text
    [fact] = await service.facts(1)
    assert fact.data["sender"]["name"] == "Anna"
    [delivery] = await service.deliveries()
    assert delivery["verdict"] == "accepted"
    assert fact.correlationid == delivery["id"]


async def test_the_same_bytes_again_get_the_same_answer_and_make_nothing_new(service: Service) -> None:
    body = json.dumps({"your-name": "Anna"})
    first = await service.post("site", body, content_type="application/json")
    again = await service.post("site", body, content_type="application/json")
    assert (first.status_code, first.content) == (again.status_code, again.content)
    await service.post("site", "your-name=Tom")
    assert len(await service.judged(2)) == 2
    assert len(await service.facts(2)) == 2


async def test_a_hundred_equal_forms_at_once_are_one_interaction(service: Service) -> None:
    answers = await asyncio.gather(*(service.post("site", "your-name=Anna&tel=1") for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    await service.post("site", "your-name=Tom&tel=2")
    await service.judged(2)
    assert [fact.data["sender"]["name"] for fact in await service.facts(2)] == ["Anna", "Tom"]


async def test_a_hundred_forms_that_differ_in_spelling_alone_are_one_interaction(service: Service) -> None:
    bodies = [f"your-name=Anna&tel=1{'+' * n}" for n in range(100)]
    answers = await asyncio.gather(*(service.post("site", body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    await service.judged(100, limit="200")
    assert len(await service.facts(1)) == 1


async def test_telegram_is_let_in_by_its_secret_alone(service: Service) -> None:
    assert (await service.post("bot", update(1))).status_code == 401
    wrong = await service.post("bot", update(1), X_Telegram_Bot_Api_Secret_Token="nope")
    assert wrong.status_code == 403
    assert wrong.headers["content-type"] == "application/problem+json"
    right = await service.post("bot", update(1), content_type="application/json", **TOKEN)
    assert (right.status_code, right.content) == (200, b"")
    [fact] = await service.facts(1)
    assert fact.data["external_id"] == "7:1"
    stored = await service.bus.js.get_msg("INTAKE", 1)
    assert SECRETS["BOT"] not in str(stored.headers)
    assert "127.0.0.1" not in str(stored.headers)


async def test_what_is_not_there_and_what_is_not_allowed_is_told(service: Service) -> None:
    for channel in ("nowhere", "info", "acme"):
        missing = await service.post(channel, "a=1")
        assert (missing.status_code, missing.json()["status"]) == (404, 404)
    got = await service.http.get("/in/site", headers={"accept": "application/json"})
    assert got.status_code == 405
    assert got.headers["allow"] == "POST, OPTIONS"
    asked = await service.http.options("/in/site", headers={"origin": "https://x.example"})
    assert asked.status_code == 204
    assert "access-control-allow-origin" not in asked.headers


async def test_a_body_above_the_limit_is_refused_however_it_comes(
    bus: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    await activate(bus, ALL_CHANNELS)
    async with running(nats_account, database_dsn, intake_limit=2000) as service:
        await service.define(ALL_CHANNELS)
        assert (await service.post("site", b"x" * 2001)).status_code == 413

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"x" * 100

        chunked = await service.http.post("/in/site", content=chunks())
        assert chunked.status_code == 413
        assert (await bus.js.stream_info("INTAKE")).state.messages == 0


async def test_a_large_form_goes_through_the_object_store(service: Service) -> None:
    large = "your-name=Anna&tel=1&note=" + "x" * 700_000
    assert (await service.post("site", large)).status_code == 200
    [fact] = await service.facts(1)
    assert fact.data["sender"]["name"] == "Anna"
    [delivery] = await service.judged(1, verdict="accepted")
    assert delivery["size"] == len(large)
    headers = await service.as_role("marketing")
    raw = await service.http.get(f"/api/connectors/deliveries/{delivery['id']}", headers=headers)
    assert raw.text == large


async def test_a_large_body_that_is_gone_is_said_to_be_and_holds_nothing_up(service: Service) -> None:
    large = "your-name=Anna&note=" + "x" * 700_000
    async with service.host.database.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE connectors.deliveries")
        await service.post("site", large)
        await service.bus.js.purge_stream("OBJ_deliveries")
    [delivery] = await service.judged(1, verdict="failed")
    assert "object store" in delivery["reason"]
    await service.post("site", large.replace("Anna", "Tom"))
    assert [fact.data["sender"]["name"] for fact in await service.facts(1)] == ["Tom"]


async def test_mail_is_taken_when_it_is_on_disk(service: Service) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=service.smtp_port)
    async with client:
        response = await client.sendmail("anna@example.com", ["INFO+x@school.example"], MAIL)
        assert response[0] == {}
        stored = await service.bus.js.get_msg("INTAKE", 1)
        assert stored.data == MAIL
        assert stored.headers
        assert stored.headers["In-mail-from"] == "anna@example.com"
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
            await client.sendmail("anna@example.com", ["nobody@school.example"], MAIL)
        assert refused.value.recipients[0].code == 550
    [fact] = await service.facts(1)
    assert fact.data["message_id"] == "m1@example.com"
    assert fact.data["in_reply_to"] == ["ours@school.example"]
    assert fact.data["text"] == ".dot\nHello"


async def test_a_bounce_by_its_envelope_is_ignored_and_visible(service: Service) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=service.smtp_port)
    async with client:
        await client.sendmail("", ["info@school.example"], MAIL)
    [delivery] = await service.judged(1)
    assert (delivery["verdict"], delivery["event"]) == ("ignored", "automatic")


async def test_mail_in_a_circle_is_refused_and_a_large_one_taken(service: Service) -> None:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=service.smtp_port)
    async with client:
        hops = b"Received: from a by b\r\n" * 51
        with pytest.raises(aiosmtplib.SMTPDataError) as refused:
            await client.sendmail("a@example.com", ["info@school.example"], hops + MAIL)
        assert refused.value.code == 554
        await client.sendmail(
            "a@example.com", ["info@school.example"], MAIL + b"x" * 60_000 + b"\r\n" * 400_000
        )
    [fact] = await service.facts(1)
    assert fact.data["message_id"] == "m1@example.com"


async def test_a_partners_event_is_untrusted_and_known_by_its_own_id(service: Service) -> None:
    event = {"specversion": "1.0", "id": "17", "source": "/acme", "type": "t", "data": {"comment": "Call me"}}
    body = json.dumps(event).encode()
    await service.publish_as_partner(body, **{"Nats-Msg-Id": "a", "Leadwire-Kind": "form", "ce-id": "x"})
    await service.publish_as_partner(body, **{"Nats-Msg-Id": "b"})
    await service.publish_as_partner(b"{}", **{"Nats-Msg-Id": "c"})
    await service.publish_as_partner(b"hello", **{"Nats-Msg-Id": "d"})
    found = await service.judged(3, channel="acme")
    assert {row["verdict"]: row["times"] for row in found} == {"accepted": 2, "rejected": 1, "failed": 1}
    [fact] = await service.facts(1)
    assert fact.data["external_id"] == "/acme 17"
    assert fact.data["text"] == "Call me"
    assert fact.id not in ("17", "a")


async def test_a_partner_that_new_definitions_name_is_read_without_a_restart(service: Service) -> None:
    await provision(service.bus, [ingress_stream("other")])
    await service.define({**ALL_CHANNELS, "late": {"kind": "nats", "settings": {"partner": "other"}}})
    event = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {"text": "Hi"}}
    await service.bus.publish("INGRESS_OTHER", "ingress.other", json.dumps(event).encode(), {})
    [delivery] = await service.judged(1, channel="late")
    assert delivery["stream"] == "INGRESS_OTHER"
    readings = await service.http.get("/api/connectors/readers", headers=await service.as_role("operator"))
    assert {row["stream"] for row in readings.json()} == {"INTAKE", "INGRESS_PARTNER", "INGRESS_OTHER"}


async def test_what_failed_is_replayed_after_the_fix_without_doubling(service: Service) -> None:
    await service.define({**ALL_CHANNELS, "acme": {"kind": "nats", "settings": {"partner": "other"}}})
    event = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t", "data": {"comment": "Hi"}}
    await service.publish_as_partner(json.dumps(event).encode())
    [failed] = await service.judged(1, verdict="failed")
    assert failed["channel"] == "partner"
    await service.define({**ALL_CHANNELS, "partner": ALL_CHANNELS["acme"]} | {"acme": ALL_CHANNELS["site"]})
    await until(
        lambda: "partner" in service.host.definitions.current.channels if service.host.definitions else 0
    )
    url = "/api/connectors/channels/partner/replay"
    operator = await service.as_role("operator")
    assert (await service.http.post(url, json={}, headers=await service.as_role("sales"))).status_code == 403
    first = (await service.http.post(url, json={"only_failed": True}, headers=operator)).json()
    assert first == {"read": 1, "parsed": 1, "published": 1, "still_failed": 0, "missing": 0}
    again = (await service.http.post(url, json={"only_failed": False}, headers=operator)).json()
    assert (again["parsed"], again["published"]) == (1, 0)
    [fact] = await service.facts(1)
    assert fact.revision == 2


async def test_a_channel_that_becomes_known_a_moment_later_loses_nothing(service: Service) -> None:
    await service.post("site", "your-name=Anna")
    await service.facts(1)
    message = await service.bus.js.get_msg("INTAKE", 1)
    headers = {**(message.headers or {}), "Nats-Msg-Id": "late", "Leadwire-Received": _now(service)}
    await service.bus.publish("INTAKE", "intake.newborn", b"your-name=Tom&tel=2", headers)
    await service.define({**ALL_CHANNELS, "newborn": ALL_CHANNELS["site"]})
    facts = await service.facts(2)
    assert facts[1].data["channel"] == "newborn"


def _now(service: Service) -> str:
    return service.host.clock.now().isoformat()


async def test_channels_are_listed_with_their_inlets_and_no_secret(service: Service) -> None:
    await service.post("site", "your-name=Anna")
    await service.facts(1)
    answer = await service.http.get("/api/connectors/channels", headers=await service.as_role("marketing"))
    channels = {channel["name"]: channel for channel in answer.json()}
    assert channels["site"]["inlet"] == "/in/site"
    assert channels["site"]["deliveries"] == {"accepted": 1}
    assert channels["acme"]["inlet"] == "ingress.partner"
    assert channels["info"]["inlet"] == "info@school.example"
    assert all(channel["open"] for channel in channels.values())
    assert SECRETS["BOT"] not in answer.text
    assert (await service.http.get("/api/connectors/channels")).status_code == 401


async def test_a_delivery_that_is_not_there_is_a_problem(service: Service) -> None:
    headers = await service.as_role("marketing")
    for unknown, status in (("0" * 32, 404), ("no-id", 422)):
        answer = await service.http.get(f"/api/connectors/deliveries/{unknown}", headers=headers)
        assert answer.status_code == status
    await service.post("site", "your-name=Anna")
    [delivery] = await service.judged(1)
    await service.bus.js.purge_stream("INTAKE")
    gone = await service.http.get(f"/api/connectors/deliveries/{delivery['id']}", headers=headers)
    assert gone.status_code == 410
