"""From the command to the vendor and back: once, in order, however either of them fails."""

from tests.connectors.sending.conftest import Start
from tests.connectors.sending.vendor import HANG_UP, SILENCE
from tests.support.wait import until


async def test_a_text_is_sent_once_and_its_receipt_names_both_ids(start: Start) -> None:
    sender = await start()
    sent = await sender.send("bot", "7001", "hello\nAnn ✓")
    await sender.send("bot", "7001", "hello\nAnn ✓", message_id=sent)
    row = await sender.settled(sent)
    [receipt] = await sender.receipts(sent)
    await sender.send("bot", "7001", "the next")
    await until(lambda: len(sender.vendor.asked) == 2)
    assert (row["state"], row["external_id"], row["body"]) == ("sent", "7001:1", "")
    assert (receipt.type, receipt.data["external_id"]) == ("crm.receipts.sent.v1", "7001:1")
    assert sender.vendor.texts == ["hello\nAnn ✓", "the next"]
    assert sender.vendor.asked[0].path == "/bot7:abc/sendMessage"


async def test_what_the_vendor_refuses_failed_and_what_it_left_open_is_not_sent_again(start: Start) -> None:
    sender = await start(send_timeout=0.5)
    blocked = {"ok": False, "error_code": 403, "description": "Forbidden: bot was blocked by 7001"}
    sender.vendor.refuse(403, blocked)
    failed = await sender.send("bot", "7001", "one")
    row = await sender.settled(failed)
    # Whom it was for is shown to fewer people than why it failed.
    assert (row["code"], row["reason"]) == ("403", "Forbidden: bot was blocked by …")
    sender.vendor.script.append(HANG_UP)
    cut = await sender.send("bot", "7002", "two")
    assert (await sender.settled(cut))["state"] == "unknown"
    sender.vendor.script.append(SILENCE)
    mute = await sender.send("bot", "7003", "three")
    after = await sender.send("bot", "7003", "four")
    assert (await sender.settled(mute))["state"] == "unknown"
    assert (await sender.settled(after))["state"] == "sent"
    assert sender.vendor.texts == ["one", "two", "three", "four"]
    assert [one.type for one in await sender.receipts(mute)] == ["crm.receipts.unknown.v1"]
    [told] = await sender.receipts(failed)
    assert (told.type, told.data["code"]) == ("crm.receipts.failed.v1", "403")
    assert told.data["external_id"] == str(failed)


async def test_an_asked_pause_is_kept_and_the_order_with_it(start: Start) -> None:
    sender = await start()
    busy = {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests",
        "parameters": {"retry_after": 1},
    }
    sender.vendor.refuse(429, busy)
    ids = [await sender.send("bot", "7001", text) for text in ("first", "second")]
    await sender.settled(ids[-1])
    assert sender.vendor.texts == ["first", "first", "second"]
    assert sender.vendor.asked[1].at - sender.vendor.asked[0].at >= 1.0
    # One message a second to a chat.
    assert sender.vendor.asked[2].at - sender.vendor.asked[1].at >= 0.95


async def test_what_cannot_go_says_why_at_once(start: Start) -> None:
    sender = await start()
    reasons = {}
    for channel, text in (("deaf", "hi"), ("bot", "x" * 4097), ("chat", "hi"), ("bot", "\x00")):
        sent = await sender.send(channel, "7001", text)
        reasons[channel, len(text)] = (await sender.settled(sent))["code"]
    assert reasons == {
        ("deaf", 2): "not_configured",
        ("bot", 4097): "too_long",
        ("chat", 2): "window_closed",
        ("bot", 1): "empty",
    }
    assert sender.vendor.asked == []
