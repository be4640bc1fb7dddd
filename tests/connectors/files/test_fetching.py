"""Files from the delivery to the API: the whole service on real engines, its vendors on real sockets."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from email.message import EmailMessage
from typing import Any
from uuid import uuid4

import aiosmtplib
import pytest
from starlette.responses import Response, StreamingResponse

from services.connectors.files.jetstream import STREAM, ObjectStore
from services.connectors.files.spool import Spool
from services.runtime.bus import Bus
from tests.connectors.files.vendor import MP3, Vendor
from tests.connectors.running import Service, activate, running
from tests.connectors.stage import MAIL
from tests.support.accounts import NatsAccount
from tests.support.wait import until

FORM = {"kind": "form", "mapping": {"name": "name", "phone": "tel"}}
QUICK: dict[str, Any] = {
    "files_networks": ("127.0.0.1/32",),
    "files_first_pause": 0.02,
    "files_longest_pause": 0.05,
    "files_limit": 200_000,
    "files_gone_after": 0.1,
}
TOKEN = {"X_Telegram_Bot_Api_Secret_Token": "s3cr3t", "content_type": "application/json"}


def channels(peer: Vendor) -> dict[str, Any]:
    bot = {"secret": "${BOT}", "token": "${BOT}", "api_url": peer.base}
    station = {"crm_token": "${BOT}"}
    return {
        "site": FORM,
        "info": MAIL,
        "bot": {"kind": "telegram", "settings": bot},
        "office": {"kind": "megafon", "settings": station},
    }


@pytest.fixture
async def service(
    bus: Bus, nats_account: NatsAccount, database_dsn: str, peer: Vendor
) -> AsyncIterator[Service]:
    await activate(bus, channels(peer))
    async with running(nats_account, database_dsn, **QUICK) as found:
        await found.define(channels(peer))
        yield found


async def call(service: Service, link: str, number: int = 1) -> None:
    """A call that was recorded there."""
    told = {"cmd": "history", "type": "in", "status": "Success", "phone": "79000000001", "user": "anna"}
    told |= {"start": "20260115T100000Z", "duration": "60", "callid": f"c-{number}", "link": link}
    answer = await service.http.post("/in/office", data={**told, "crm_token": "s3cr3t"})
    assert answer.status_code == 200, answer.text


async def listed(service: Service, owner: str) -> list[dict[str, Any]]:
    headers = await service.as_role("sales")
    answer = await service.http.get(
        "/api/connectors/files", params={"interaction_id": owner}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def facts_of(service: Service, kind: str, count: int = 1) -> list[dict[str, Any]]:
    async def enough() -> list[dict[str, Any]]:
        found = [fact.data for fact in await service.facts() if fact.type == f"crm.{kind}.v1"]
        return found if len(found) >= count else []

    return await until(enough, why=f"{count} {kind}")


async def bytes_of(service: Service, file_id: str, role: str = "sales") -> Any:
    headers = await service.as_role(role)
    return await service.http.get(f"/api/connectors/files/{file_id}", headers=headers)


async def test_a_recording_that_fails_five_times_is_kept_then(service: Service, peer: Vendor) -> None:
    away = [Response(status_code=status) for status in (503, 500, 502, 404, 429)]
    await call(service, peer.will("/rec", *away, Response(MP3, media_type="text/html")))
    [kept] = await facts_of(service, "files.kept")
    assert peer.count("/rec") == 6
    [recorded] = await facts_of(service, "calls.recorded")
    assert kept["call_id"] == recorded["call_id"]
    assert (kept["sha256"], kept["size"]) == (hashlib.sha256(MP3).hexdigest(), len(MP3))
    assert (kept["content_type"], kept["name"]) == ("audio/mpeg", "recording-20260115-100100.mp3")
    [file] = await listed(service, recorded["call_id"])
    assert (file["state"], file["attempts"], file["owner"]) == ("kept", 6, "call")
    answer = await bytes_of(service, kept["file_id"])
    assert answer.content == MP3
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.headers["content-disposition"].startswith("inline")
    assert (await service.http.get(f"/api/connectors/files/{kept['file_id']}")).status_code == 401


async def test_a_file_that_does_not_come_is_an_alarm_and_can_be_wanted_again(
    service: Service, peer: Vendor
) -> None:
    url = peer.will("/gone", Response(status_code=410))
    await call(service, url, 1)
    await call(service, peer.will("/page", Response("<html>sign in", media_type="audio/mpeg")), 2)
    await call(service, peer.will("/large", Response(b"x" * 300_000)), 3)
    await call(service, peer.base.replace("127.0.0.1", "127.0.0.2") + "/secret", 4)
    await until(lambda: peer.count("/page") > 1)
    async with service.host.database.pool.acquire() as connection:
        long_ago = "UPDATE files SET since = since - interval '4 days' WHERE reference = $1"
        await connection.execute(long_ago, peer.base + "/page")
    given_up = await facts_of(service, "files.given_up", 4)
    whys = sorted(fact["why"] for fact in given_up)
    assert whys == ["forbidden", "gone", "too_large", "too_long"]
    assert not any(peer.base in fact["detail"] for fact in given_up)
    operator = await service.as_role("operator")
    params = {"state": "given_up"}
    rows = (await service.http.get("/api/connectors/files", params=params, headers=operator)).json()
    assert len(rows) == 4
    gone = next(fact for fact in given_up if fact["why"] == "gone")
    peer.answers["/gone"][:] = [Response(MP3)]
    again = f"/api/connectors/files/{gone['file_id']}/fetch"
    assert (await service.http.post(again, headers=await service.as_role("sales"))).status_code == 403
    assert (await service.http.post(again, headers=operator)).json()["state"] == "wanted"
    [kept] = await facts_of(service, "files.kept")
    assert kept["file_id"] == gone["file_id"]
    assert (await service.http.post(again, headers=operator)).status_code == 409


async def test_a_file_of_a_vendor_that_wants_the_token(service: Service, peer: Vendor) -> None:
    peer.will("/bots3cr3t/getFile", Response(json.dumps({"ok": True, "result": {"file_path": "p/1.jpg"}})))
    peer.will("/file/bots3cr3t/p/1.jpg", Response(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + b"x" * 100))
    message = {
        "message_id": 5, "date": 1768471200, "from": {"id": 7}, "chat": {"id": 7, "type": "private"},
        "document": {"file_id": "F1", "file_name": "../../a\u202egpj.exe", "mime_type": "application/pdf"},
    }  # fmt: skip
    await service.post("bot", json.dumps({"update_id": 1, "message": message}), **TOKEN)
    [kept] = await facts_of(service, "files.kept")
    assert (kept["content_type"], kept["claimed_type"]) == ("image/jpeg", "application/pdf")
    assert kept["name"] == "agpj.exe"
    again = json.dumps({"update_id": 2, "message": message})
    await service.post("bot", again, **TOKEN)
    await service.judged(2)
    assert len(await listed(service, kept["interaction_id"])) == 1


def mail(*files: tuple[str, str, bytes]) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = "anna@example.com", "info@school.example"
    message["Subject"], message["Message-ID"] = "Papers", "<papers@example.com>"
    message.set_content("Here they are.")
    for name, kind, data in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message.as_bytes()


async def test_attachments_of_a_mail_are_kept_once_and_erased_for_good(service: Service) -> None:
    page = b"<html><script>alert(1)</script>"
    raw = mail(("a.pdf", "application/pdf", b"%PDF-1.4 one"), ("b.html", "image/png", page))
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=service.smtp_port) as client:
        for _ in range(2):
            await client.sendmail("anna@example.com", ["info@school.example"], raw)
    kept = await facts_of(service, "files.kept", 2)
    assert {fact["name"]: fact["content_type"] for fact in kept} == {
        "a.pdf": "application/pdf",
        "b.html": "text/html",
    }
    replay = {"since": "2020-01-01T00:00:00Z", "only_failed": False}
    operator, admin = await service.as_role("operator"), await service.as_role("admin")
    await service.http.post("/api/connectors/channels/info/replay", json=replay, headers=operator)
    files = await listed(service, kept[0]["interaction_id"])
    assert [file["name"] for file in files] == ["a.pdf", "b.html"]
    shown = await bytes_of(service, files[1]["file_id"])
    assert (shown.content, shown.headers["content-type"]) == (page, "application/octet-stream")
    assert shown.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in shown.headers["content-security-policy"]
    where = f"/api/connectors/files/{files[0]['file_id']}"
    assert (await service.http.delete(where, headers=operator)).status_code == 403
    before = (await service.bus.js.stream_info(STREAM)).state.messages
    assert (await service.http.delete(where, headers=admin)).status_code == 204
    assert (await service.bus.js.stream_info(STREAM)).state.messages == before - 2
    assert (await bytes_of(service, files[0]["file_id"])).status_code == 404
    await service.http.post("/api/connectors/channels/info/replay", json=replay, headers=operator)
    [erased, _] = await listed(service, kept[0]["interaction_id"])
    assert (erased["state"], erased["name"], erased["sha256"]) == ("erased", "", None)


async def test_files_of_a_large_form_are_taken_out_of_the_object_store(service: Service) -> None:
    data = b"\x89PNG\r\n\x1a\n" + b"\0" * 150_000
    fields = {"name": "Anna", "tel": "+447700900123", "note": "x" * 600_000}
    answer = await service.http.post("/in/site", data=fields, files={"photo": ("me.png", data, "image/png")})
    assert answer.status_code == 200
    [kept] = await facts_of(service, "files.kept")
    assert (await bytes_of(service, kept["file_id"])).content == data


async def test_what_was_put_and_not_told_is_put_again_and_there_once(service: Service, peer: Vendor) -> None:
    """As after a kill between the object store and the commit: the name of the object is that of the file."""
    url = peer.will("/rec", Response(status_code=503))
    await call(service, url)
    await until(lambda: peer.count("/rec") > 1)
    async with service.host.database.pool.acquire() as connection:
        file_id = await connection.fetchval("SELECT file_id FROM files")
    with Spool(10_000) as half:
        half.write(b"\0" * 9000)
        await ObjectStore(service.bus).put(file_id, half)
    peer.answers["/rec"][:] = [Response(MP3)]
    [kept] = await facts_of(service, "files.kept")
    assert (await bytes_of(service, kept["file_id"])).content == MP3
    assert (await service.bus.js.stream_info(STREAM)).state.messages == 2


async def test_what_is_under_way_at_a_stop_is_fetched_after_the_next_start(
    bus: Bus, nats_account: NatsAccount, database_dsn: str, peer: Vendor
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    url = peer.will("/rec", StreamingResponse(endless()), Response(MP3))
    await activate(bus, channels(peer))
    async with running(nats_account, database_dsn, **QUICK) as first:
        await first.define(channels(peer))
        await call(first, url)
        await until(lambda: peer.count("/rec"))
    async with running(nats_account, database_dsn, **QUICK) as second:
        [kept] = await facts_of(second, "files.kept")
        [file] = await listed(second, kept["call_id"])
        assert file["attempts"] == 1


async def test_what_is_not_there_is_said_to_be(service: Service) -> None:
    headers = await service.as_role("sales")
    assert (await bytes_of(service, str(uuid4()))).status_code == 404
    assert (await service.http.get("/api/connectors/files", headers=headers)).status_code == 422
    assert (await listed(service, str(uuid4()))) == []
