"""What people and outside systems do: fill in forms, write mail, chat, publish."""

import asyncio
import json
import smtplib
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

import httpx
import nats

from services.hub.mailbox.files import Caught
from tests.e2e.hub import Hub


async def fill_in(
    hub: Hub, fields: Mapping[str, str], client: httpx.AsyncClient | None = None
) -> httpx.Response:
    """Send the form of the main site."""
    if client:
        return await client.post(f"{hub.url}/in/main-site", data=dict(fields))
    async with httpx.AsyncClient(timeout=30) as own:
        return await own.post(f"{hub.url}/in/main-site", data=dict(fields))


async def chat(
    hub: Hub,
    text: str,
    *,
    user: int = 4711,
    message: int = 1,
    name: str = "Kim",
    secret: str | None = None,
    **more: Any,
) -> httpx.Response:
    """A message to the Telegram bot, as Telegram's servers hand it over."""
    person = {"id": user, "first_name": name}
    content = {
        "message_id": message,
        "date": 1767225600,
        "from": {**person, "is_bot": False},
        "chat": {**person, "type": "private"},
        **({"text": text} if text else {}),
        **more,
    }
    async with httpx.AsyncClient(timeout=30) as client:
        return await client.post(
            f"{hub.url}/in/sales-bot",
            json={"update_id": 100_000 + message, "message": content},
            headers={"X-Telegram-Bot-Api-Secret-Token": secret or hub.secret("TELEGRAM_SECRET")},
        )


async def write_mail(
    hub: Hub, sender: str, text: str, *, message_id: str, answers: Caught | None = None
) -> None:
    """Send mail to the school's mailbox, as an answer to one of its letters or not."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = "hello@school.example"
    mail["Message-ID"] = f"<{message_id}>"
    mail["Subject"] = "Lessons"
    if answers:
        del mail["Subject"]
        mail["Subject"] = f"Re: {answers.summary.subject}"
        mail["In-Reply-To"] = mail["References"] = dict(answers.headers)["Message-ID"]
    mail.set_content(text)

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", hub.smtp_port, timeout=30) as server:
            server.send_message(mail)

    await asyncio.to_thread(send)


async def publish(hub: Hub, event_id: str, data: dict[str, Any]) -> None:
    """What the partner does, with the partner's own credentials; returns once it is stored."""
    seed = hub.home / "partners" / "courses-portal.nk"
    connection = await nats.connect(hub.bus, nkeys_seed=str(seed))
    event = {"specversion": "1.0", "id": event_id, "source": "/portal", "type": "enquiry", "data": data}
    try:
        answer = await connection.request("ingress.courses-portal", json.dumps(event).encode(), timeout=10)
        assert "seq" in json.loads(answer.data), answer.data
    finally:
        await connection.close()
