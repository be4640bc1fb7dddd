import asyncio

import aiosmtplib
import pytest

from services.runtime.bus import Bus
from tests.connectors.running import ALL_CHANNELS, activate, running
from tests.support.accounts import NatsAccount
from tests.support.proxy import before_nats, before_postgres
from tests.support.wait import until

MAIL = b"From: Anna <anna@example.com>\r\nMessage-ID: <m1@example.com>\r\n\r\nHello\r\n"


@pytest.fixture
async def defined(bus: Bus) -> Bus:
    """A bus on which the channels are defined."""
    await activate(bus, ALL_CHANNELS)
    return bus


async def test_without_the_database_forms_and_mail_are_taken_and_handled_later(
    defined: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn):
        proxy.refuse()
        async with running(nats_account, dsn) as service:
            await service.define(ALL_CHANNELS)
            answers = await asyncio.gather(*(service.post("site", f"your-name=N{n}") for n in range(20)))
            assert {answer.status_code for answer in answers} == {200}
            client = aiosmtplib.SMTP(hostname="127.0.0.1", port=service.smtp_port)
            async with client:
                await client.sendmail("anna@example.com", ["info@school.example"], MAIL)
            proxy.admit()
            facts = await service.facts(21, within=30)
            assert len({fact.data["interaction_id"] for fact in facts}) == 21


async def test_a_database_that_comes_and_goes_loses_and_doubles_nothing(
    defined: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    async with before_postgres(database_dsn) as (proxy, dsn), running(nats_account, dsn) as service:
        await service.define(ALL_CHANNELS)
        for number in range(40):
            if number % 10 == 5:
                proxy.cut()
            assert (await service.post("site", f"your-name=N{number}")).status_code == 200
        facts = await service.facts(40, within=30)
        assert [fact.data["sender"]["name"] for fact in facts] == [f"N{number}" for number in range(40)]


async def test_without_the_bus_the_sender_is_asked_to_come_again(
    defined: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    async with before_nats(nats_account.url) as (proxy, url):
        account = NatsAccount(nats_account.name, url, nats_account.partner_url)
        async with running(account, database_dsn, intake_deadline=0.5) as service:
            await service.define(ALL_CHANNELS)
            proxy.freeze()
            answer = await service.post("site", "your-name=Anna", accept="text/html")
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            assert "send it again" in answer.text
            client = aiosmtplib.SMTP(hostname="127.0.0.1", port=service.smtp_port)
            async with client:
                with pytest.raises(aiosmtplib.SMTPDataError) as refused:
                    await client.sendmail("anna@example.com", ["info@school.example"], MAIL)
                assert refused.value.code == 451
            proxy.thaw()

            async def taken() -> bool:
                return (await service.post("site", "your-name=Anna")).status_code == 200

            await until(taken, within=20)
            # What was turned away while nobody answered may have landed all the same: the form counts once
            # with its repeats, and so does the mail.
            kinds = [fact.data["kind"] for fact in await service.facts(1)]
            assert kinds.count("form") == 1
            assert kinds.count("smtp") <= 1


async def test_before_the_channels_are_known_nobody_is_turned_away_for_good(
    bus: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    await bus.js.delete_stream("KV_definitions")
    async with running(nats_account, database_dsn) as service:
        assert (await service.post("site", "your-name=Anna")).status_code == 503
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=service.smtp_port)
        async with client:
            with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
                await client.sendmail("anna@example.com", ["info@school.example"], MAIL)
            assert refused.value.recipients[0].code == 451


async def test_what_was_committed_is_published_after_a_crash_before_publishing(
    defined: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    async with running(nats_account, database_dsn, without=["relay"]) as service:
        await service.define(ALL_CHANNELS)
        await service.post("site", "your-name=Anna")
        await service.judged(1, verdict="accepted")
        assert await service.facts() == []
    async with running(nats_account, database_dsn) as service:
        [fact] = await service.facts(1)
        assert fact.data["sender"]["name"] == "Anna"


async def test_two_replicas_share_the_work_and_double_nothing(
    defined: Bus, nats_account: NatsAccount, database_dsn: str
) -> None:
    async with running(nats_account, database_dsn) as one, running(nats_account, database_dsn) as other:
        await one.define(ALL_CHANNELS)
        await other.define(ALL_CHANNELS)
        posts = [replica.post("site", f"your-name=N{n}") for n in range(40) for replica in (one, other)]
        assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
        await one.post("site", "your-name=last")
        await one.judged(41, limit="100")
        names = [fact.data["sender"]["name"] for fact in await one.facts(41)]
        assert sorted(names) == sorted([f"N{n}" for n in range(40)] + ["last"])
