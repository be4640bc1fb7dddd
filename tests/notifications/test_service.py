"""The service as it runs: commands and facts in over the bus, letters out over SMTP, facts out again."""

from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import pytest

from contracts.leads import ContactTouched
from contracts.notifications import EnrolContact, MessageSent, SequenceEnded, SequenceEnrolled
from contracts.questions import AskInFlight, subject_to
from services.notifications.app import build
from services.runtime.clock import SystemClock
from tests.notifications.running import activate, settings, told, value
from tests.notifications.samples import PART, contact, contact_id, deal_id
from tests.notifications.smtp_sink import Sink, slow
from tests.notifications.stage import Stage
from tests.support.engines import RealEngines
from tests.support.hosts import Hosts, RunningHost
from tests.support.wait import until

Start = Callable[[], Awaitable[RunningHost]]


@pytest.fixture
def start(hosts: Hosts, smtp: Sink) -> Start:
    """Start the service, with the sample definitions active."""

    async def started() -> RunningHost:
        running = await hosts.start(build(settings(smtp.port)))
        await activate(running.bus)
        return running

    return started


def wish(number: int, sequence: str = "welcome", deal: int = 1) -> EnrolContact:
    return EnrolContact(contact_id=contact_id(number), sequence=sequence, deal_id=deal_id(deal))


async def test_a_wish_becomes_a_letter_now_and_a_timer_for_tomorrow(start: Start, smtp: Sink) -> None:
    running = await start()
    await running.publish(contact(1))
    await running.publish(wish(1), correlation="the enquiry")
    await until(lambda: smtp.letters)
    [sent] = await until(lambda: told(running.bus, MessageSent))
    assert f"<{sent.data['internet_message_id']}>" == smtp.letters[0].message["Message-ID"]
    assert sent.correlationid == "the enquiry"
    [enrolled] = await told(running.bus, SequenceEnrolled)
    assert enrolled.data["sequence_version"] == "v1"
    assert await value(running, "SELECT count(*) FROM timers WHERE kind = 'step'") == 1
    lines = await running.host.database.pool.fetch("SELECT did, correlation FROM journal ORDER BY id")
    assert [line["did"] for line in lines] == [
        "enrolled in sequence welcome",
        "queued message thanks of welcome",
        "sent message thanks of welcome",
    ]
    assert {line["correlation"] for line in lines} == {"the enquiry"}


async def test_the_hub_can_ask_how_many_runs_wait_for_which_step(start: Start, smtp: Sink) -> None:
    running = await start()
    await running.publish(contact(1))
    await running.publish(wish(1))
    question = subject_to(AskInFlight, "notifications")

    async def asked() -> bool:
        answer = await running.bus.request(question, {})
        assert AskInFlight.ANSWER.model_validate(answer)
        return bool(answer == {"sequences": {"welcome": {"step 2": 1}}})

    await until(asked)


async def test_the_same_command_any_number_of_times_changes_state_once(start: Start, smtp: Sink) -> None:
    running = await start()
    await running.publish(contact(1))
    for event_id in ("one", "one", "two", "three"):
        await running.publish(wish(1), event_id=event_id)
    await running.publish(contact(2))
    await running.publish(wish(2))

    async def both_told() -> bool:
        return len(await told(running.bus, MessageSent)) == 2

    # Facts come in order: whatever was to be told of an enrolment has been told by then.
    await until(both_told)
    assert sorted(smtp.recipients()) == ["person1@client.example", "person2@client.example"]
    assert len(await told(running.bus, SequenceEnrolled)) == 2


async def test_a_wish_before_its_contact_and_its_definitions_waits_for_both(hosts: Hosts, smtp: Sink) -> None:
    running = await hosts.start(build(settings(smtp.port)))
    await running.publish(wish(1))
    await until(lambda: running.host.definitions and running.host.definitions.loaded.is_set())
    await activate(running.bus)
    await running.publish(contact(1))
    await until(lambda: smtp.letters)


async def test_a_reply_stops_the_sequence(start: Start, smtp: Sink) -> None:
    running = await start()
    await running.publish(contact(1))
    await running.publish(wish(1))
    await until(lambda: told(running.bus, MessageSent))
    touched = ContactTouched(
        contact_id=contact_id(1),
        interaction_id=uuid4(),
        channel="school-mail",
        medium="email",
        first=False,
        occurred_at=SystemClock().now(),
    )
    await running.publish(touched)
    [ended] = await until(lambda: told(running.bus, SequenceEnded))
    assert ended.data["reason"] == "replied"
    assert await value(running, "SELECT count(*) FROM timers WHERE kind = 'step'") == 0


async def test_what_was_committed_before_a_crash_is_published_and_sent_after_it(
    stage: Stage, start: Start, smtp: Sink
) -> None:
    await stage.know(contact(1))
    stage.clock.time = SystemClock().now()
    await stage.enrol(1, deal=deal_id(1))
    # Committed, nothing published, nothing sent: here the process died.
    running = await start()
    await until(lambda: smtp.letters)
    await until(lambda: told(running.bus, MessageSent))
    [enrolled] = await told(running.bus, SequenceEnrolled)
    assert enrolled.data["enrolment_id"] == str(await value(running, "SELECT id FROM enrolments"))
    assert len(smtp.letters) == 1


async def test_an_enrolment_keeps_the_definitions_it_began_with(start: Start, smtp: Sink) -> None:
    running = await start()
    await running.publish(contact(1))
    await running.publish(wish(1))
    await until(lambda: told(running.bus, MessageSent))
    changed = {**PART, "sequences": {}, "templates": {}}
    await activate(running.bus, "v2", changed)
    await until(lambda: running.host.definitions and running.host.definitions.version == "v2")
    pool = running.host.database.pool
    await pool.execute("UPDATE timers SET due_at = now() - interval '1 second'")
    await until(lambda: len(smtp.letters) == 2)
    assert smtp.subjects()[1] == "See you"
    await until(lambda: told(running.bus, SequenceEnded))


async def test_an_outcome_heard_while_the_database_is_away_is_written_when_it_is_back(
    start: Start, smtp: Sink, engines: RealEngines
) -> None:
    running = await start()
    await running.publish(contact(1))
    smtp.at["DATA"] = slow(1)
    await running.publish(wish(1, "single"))
    await until(lambda: value(running, "SELECT state = 'sending' FROM messages"))
    database = await value(running, "SELECT current_database()")
    admin = await asyncpg.connect(engines.dsn("postgres"))
    try:
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database
        )
        await until(lambda: smtp.letters)
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
    finally:
        await admin.close()
    [sent] = await until(lambda: told(running.bus, MessageSent), within=30)
    assert sent.data["step"] == "only"
    assert len(smtp.letters) == 1
