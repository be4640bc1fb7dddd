"""Vendors that sign the address they call: a hub behind a proxy must be told it."""

import base64
import hmac
from urllib.parse import urlencode

from services.runtime.bus import Bus
from tests.connectors.running import activate, running
from tests.connectors.stage import SECRETS
from tests.support.accounts import NatsAccount

ADDRESS = "https://hub.example"
MESSAGE = {"Body": "Hello", "From": "+15005550006", "MessageSid": "SM" + "0" * 32, "To": "+15005550001"}


def signature(address: str) -> str:
    told = address + "".join(name + MESSAGE[name] for name in sorted(MESSAGE))
    return base64.b64encode(hmac.digest(SECRETS["BOT"].encode(), told.encode(), "sha1")).decode()


async def test_a_channel_tells_the_address_that_its_vendor_signs(
    bus: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    settings = {"auth_token": "${BOT}", "public_url": ADDRESS}
    channels = {"texts": {"kind": "twilio_sms", "settings": settings}}
    await activate(bus, channels)
    async with running(nats_account, database_dsn) as service:
        await service.define(channels)
        body = urlencode(MESSAGE)
        right = await service.post("texts", body, X_Twilio_Signature=signature(f"{ADDRESS}/in/texts"))
        wrong = await service.post(
            "texts", body, X_Twilio_Signature=signature("https://else.example/in/texts")
        )
        assert (right.status_code, wrong.status_code) == (200, 403)
        assert len(await service.facts(1)) == 1
