from datetime import timedelta

import pytest

from contracts.notifications import EnrolContact
from services.notifications import handlers
from services.notifications.definitions import compile
from services.notifications.errors import UnknownSequence
from services.runtime.definitions import Definitions
from services.runtime.errors import Permanent, Retryable
from tests.notifications.samples import contact, contact_id, rules
from tests.notifications.stage import Stage


def wish() -> EnrolContact:
    return EnrolContact(contact_id=contact_id(1), sequence="nothing")


@pytest.mark.parametrize(
    ("age", "loaded", "expected"),
    [(1, True, Retryable), (3600, False, Retryable), (3600, True, UnknownSequence)],
)
async def test_an_unknown_sequence_is_waited_for_a_little_and_then_left_to_a_person(
    stage: Stage, age: int, loaded: bool, expected: type[Exception]
) -> None:
    definitions = Definitions("notifications", compile)
    if loaded:
        definitions.loaded.set()
    commands = handlers.commands(definitions, lambda: None, None)
    received = stage.received(wish())
    stage.clock.time += timedelta(seconds=age)
    async with stage.work(received.cause) as work:
        with pytest.raises(expected):
            await commands.handle([received], work)


def test_an_unknown_sequence_says_what_to_do() -> None:
    assert issubclass(UnknownSequence, Permanent)
    assert "apply definitions" in str(UnknownSequence("nothing"))


async def test_an_enrolment_wakes_the_courier(stage: Stage) -> None:
    await stage.know(contact(1))
    definitions = Definitions("notifications", compile)
    definitions.current = rules()
    woken: list[bool] = []
    commands = handlers.commands(definitions, lambda: woken.append(True), "mail.school.example")
    received = stage.received(EnrolContact(contact_id=contact_id(1), sequence="single"))
    async with stage.work(received.cause) as work:
        await commands.handle([received], work)
    assert woken
    message_id = await stage.value("SELECT internet_message_id FROM messages")
    assert message_id.endswith(".only@mail.school.example")


async def test_other_names_of_a_message_and_its_enrolment(stage: Stage) -> None:
    await stage.know(contact(1))
    enrolment = await stage.enrol(1)
    [message] = await stage.rows("SELECT id, internet_message_id FROM messages")
    everything = {str(enrolment.id), str(message["id"]), message["internet_message_id"]}
    for name in (f"<{message['internet_message_id']}>", *everything):
        async with stage.work() as work:
            found = await handlers.other_names(work.connection, name)
        assert found | {name} >= everything
    async with stage.work() as work:
        assert await handlers.other_names(work.connection, "somebody@else.example") == set()
