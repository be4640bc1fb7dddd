"""The process is killed with SIGKILL while a letter is on the wire: nothing is lost, nothing comes twice."""

from pathlib import Path

import asyncpg
import pytest

from contracts.contract import Contract
from contracts.notifications import EnrolContact, MessageNotSent, SequenceEnded
from services.hub.topology import specs
from services.runtime.bus import Bus
from services.runtime.cause import new_cause
from services.runtime.clock import SystemClock
from services.runtime.outbox import seal
from services.runtime.provision import provision
from tests.notifications.running import activate, told
from tests.notifications.samples import contact, contact_id
from tests.notifications.smtp_sink import Sink, take_in_silence
from tests.support.accounts import NatsAccount
from tests.support.processes import service_process
from tests.support.wait import until


async def publish(bus: Bus, contract: Contract) -> None:
    cause = new_cause()
    now = SystemClock().now()
    sealed = seal(contract, event_id=cause.id, source="test", now=now, cause=cause)
    await bus.publish(sealed.stream, sealed.subject, sealed.body, sealed.headers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sequence", "ending", "letters", "keeps_logbooks"),
    [("single", "unknown", 1, True), ("repeated", "completed", 2, False)],
)
async def test_a_letter_that_was_on_the_wire_is_unknown_and_follows_its_steps_policy(
    smtp: Sink,
    nats_account: NatsAccount,
    database_dsn: str,
    tmp_path: Path,
    sequence: str,
    ending: str,
    letters: int,
    keeps_logbooks: bool,
) -> None:
    bus = await Bus.connect(nats_account.url)
    database = await asyncpg.connect(database_dsn, server_settings={"search_path": "notifications"})
    environment = {
        "LEADWIRE_NATS_URL": nats_account.url,
        "LEADWIRE_DATABASE_URL": database_dsn,
        "LEADWIRE_PORT": "0",
        "LEADWIRE_SMTP_PORT": str(smtp.port),
        "LEADWIRE_UNSUBSCRIBE_SECRET": "a secret for these tests",
        **({"LEADWIRE_LOGBOOKS": str(tmp_path)} if keeps_logbooks else {}),
    }
    try:
        await provision(bus, specs())
        await activate(bus)
        await _kill_with_a_letter_on_the_wire(smtp, bus, environment, sequence)
        assert await database.fetchval("SELECT state FROM messages") == "sending"
        if not keeps_logbooks:
            # Without notes, nobody knows anything before the lease has ended.
            await database.execute("UPDATE messages SET lease_until = now(), next_try_at = now()")
        async with service_process("notifications", environment):
            [ended] = await until(lambda: told(bus, SequenceEnded), within=60)
            assert ended.data["reason"] == ending
        assert len(smtp.letters) == letters
        assert len({letter.message["Message-ID"] for letter in smtp.letters}) == 1
        assert len(await told(bus, MessageNotSent)) == (1 if ending == "unknown" else 0)
        # Fulfilled once: the wish that is repeated finds it done.
        assert await database.fetchval("SELECT count(*) FROM messages") == 1
    finally:
        await database.close()
        await bus.close()


async def _kill_with_a_letter_on_the_wire(
    smtp: Sink, bus: Bus, environment: dict[str, str], sequence: str
) -> None:
    """The server has taken the letter and never says so."""
    smtp.at["DATA"] = take_in_silence
    async with service_process("notifications", environment) as first:
        await publish(bus, contact(1))
        await publish(bus, EnrolContact(contact_id=contact_id(1), sequence=sequence))
        await until(lambda: smtp.letters, within=30)
        first.kill()
        await first.wait()
    del smtp.at["DATA"]
