"""The courier on a real database and a real SMTP server that misbehaves."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.notifications.domain.rules import Template
from tests.notifications.samples import contact, rules
from tests.notifications.smtp_sink import (
    Fault,
    Sink,
    answers,
    close_421,
    cut,
    once,
    sink,
    slow,
    take_and_cut,
)
from tests.notifications.stage import TOKENS, Stage, carrying, reasons
from tests.support.wait import until


async def settled(stage: Stage) -> bool:
    waiting = "SELECT count(*) FROM messages WHERE state IN ('queued', 'sending')"
    return await stage.value(waiting) == 0


async def test_a_queued_message_is_sent_and_told_of(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: settled(stage))
    [letter] = smtp.letters
    assert letter.recipient == "person1@client.example"
    assert letter.message["Subject"] == "Thank you, Ann"
    sent = (await stage.published())[-1]
    assert sent.type == "crm.messages.sent.v1"
    assert f"<{sent.data['internet_message_id']}>" == letter.message["Message-ID"]
    assert await stage.endings() == ["running"]


async def test_the_link_in_the_letter_names_its_message(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: settled(stage))
    message_id = await stage.value("SELECT id FROM messages")
    url = f"https://crm.school.example/api/notifications/unsubscribe/{TOKENS.make(message_id)}"
    message = smtp.letters[0].message
    assert message["List-Unsubscribe"] == f"<{url}>"
    body = message.get_body(("plain",))
    assert body is not None
    assert url in body.get_content()


async def test_the_last_message_completes_the_enrolment(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: settled(stage))
        await stage.pass_time(timedelta(days=1))
        await until(lambda: settled(stage))
    assert smtp.subjects() == ["Thank you, Ann", "See you"]
    assert await stage.endings() == ["completed"]
    assert await stage.types() == [
        "sequences.enrolled",
        "messages.sent",
        "messages.sent",
        "sequences.ended",
    ]


@pytest.mark.parametrize(
    ("phase", "fault"),
    [
        ("MAIL", close_421),
        ("RCPT", cut),
        ("RCPT", answers("451 4.3.0 later")),
        ("DATA", answers("452 4.3.1 full")),
    ],
)
async def test_what_certainly_was_not_sent_is_sent_later(
    stage: Stage, smtp: Sink, phase: str, fault: Fault
) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    smtp.at[phase] = once(fault)
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: stage.value("SELECT attempts = 1 AND state = 'queued' FROM messages"))
        stage.clock.time += timedelta(seconds=5)
        await until(lambda: settled(stage))
    assert len(smtp.letters) == 1
    assert await stage.endings() == ["completed"]
    assert await stage.value("SELECT attempts FROM messages") == 2


async def test_a_refused_message_ends_its_enrolment_as_undeliverable(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    smtp.at["RCPT"] = answers("550 5.1.1 no such user: person1@client.example")
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: settled(stage))
    assert await stage.endings() == ["undeliverable"]
    assert await stage.armed() == []
    facts = await stage.published()
    assert reasons(facts) == ["rejected", "undeliverable"]
    assert facts[1].data["detail"] == "550 5.1.1 at RCPT"


@pytest.mark.parametrize("fault", [cut, take_and_cut])
async def test_a_cut_after_the_dot_is_unknown_listed_and_never_repeated(
    stage: Stage, smtp: Sink, fault: Fault
) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    smtp.at["DATA"] = fault
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: settled(stage))
        del smtp.at["DATA"]
        taken = len(smtp.letters)
        stage.clock.time += timedelta(hours=1)
        await stage.know(contact(2))
        await stage.enrol(2, "single")
        await until(lambda: settled(stage))
    assert smtp.recipients()[taken:] == ["person2@client.example"]
    assert sorted(await stage.endings()) == ["completed", "unknown"]
    assert reasons(await stage.published()) == ["unknown", "unknown", "completed"]


async def test_a_step_that_may_be_repeated_is_repeated_under_the_same_message_id(
    stage: Stage, smtp: Sink
) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "repeated")
    smtp.at["DATA"] = once(take_and_cut)
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: stage.value("SELECT repeats = 1 AND state = 'queued' FROM messages"))
        stage.clock.time += timedelta(minutes=1)
        await until(lambda: settled(stage))
    assert len({letter.message["Message-ID"] for letter in smtp.letters}) == 1
    assert len(smtp.letters) == 2
    assert await stage.endings() == ["completed"]


async def test_many_messages_go_over_few_connections(stage: Stage, smtp: Sink) -> None:
    await stage.know(*(contact(number) for number in range(1, 61)))
    for number in range(1, 61):
        await stage.enrol(number, "single")
    async with carrying(stage.courier(smtp.port, size=3), stage.desk()):
        await until(lambda: settled(stage), within=20)
    assert sorted(smtp.recipients()) == sorted(f"person{number}@client.example" for number in range(1, 61))
    assert smtp.sessions <= 3


async def test_two_couriers_share_the_work_without_meeting(stage: Stage, smtp: Sink) -> None:
    await stage.know(*(contact(number) for number in range(1, 41)))
    for number in range(1, 41):
        await stage.enrol(number, "single")
    first, second = stage.courier(smtp.port), stage.courier(smtp.port)
    async with carrying(first, stage.desk()), carrying(second, stage.desk()):
        await until(lambda: settled(stage), within=20)
    assert len(smtp.letters) == 40
    assert len(set(smtp.recipients())) == 40


async def test_the_steps_of_one_enrolment_keep_their_order(stage: Stage, smtp: Sink) -> None:
    steps = [{"name": f"s{n}", "template": "later" if n % 2 else "now"} for n in range(4)]
    stage.rules = rules(sequences={"welcome": {"title": "x", "steps": steps}})
    await stage.know(contact(1))
    await stage.enrol(1)
    smtp.at["DATA"] = once(answers("451 4.3.0 later"))
    async with carrying(stage.courier(smtp.port, size=4), stage.desk()):
        put_off = "SELECT count(*) = 1 FROM messages WHERE state = 'queued' AND attempts = 1"
        await until(lambda: stage.value(put_off))
        stage.clock.time += timedelta(seconds=9)
        await until(lambda: settled(stage), within=20)
    order = [letter.message["Message-ID"].split(".")[1].split("@")[0] for letter in smtp.letters]
    assert order == ["s0", "s1", "s2", "s3"]
    assert await stage.endings() == ["completed"]


async def test_while_the_server_is_away_messages_wait_and_then_go(stage: Stage, smtp: Sink) -> None:
    async with sink() as away:
        port = away.port
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    courier = stage.courier(port)
    async with carrying(courier, stage.desk()):
        await until(lambda: courier.lines.problem)
        assert await stage.states() == [("only", "queued")]
        async with sink(port) as back:
            await until(lambda: settled(stage), within=20)
            assert len(back.letters) == 1
    assert await stage.value("SELECT attempts FROM messages") == 1


async def test_a_message_whose_time_passes_while_the_server_is_away_is_too_late(stage: Stage) -> None:
    async with sink() as away:
        port = away.port
    await stage.know(contact(1))
    await stage.enrol(1)
    stage.clock.time += timedelta(hours=13)
    async with carrying(stage.courier(port), stage.desk()):
        await until(lambda: settled(stage))
    assert reasons(await stage.published()) == ["too_late"]
    assert await stage.endings() == ["running"], "the next step still has its chance"


async def test_stopping_waits_for_what_is_on_the_wire(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1, "single")
    smtp.at["DATA"] = slow(0.5)
    courier = stage.courier(smtp.port)
    async with carrying(courier, stage.desk()):
        await until(lambda: courier.ledger.in_hand)
    assert await stage.endings() == ["completed"]


async def test_a_template_that_fails_for_a_contact_lets_the_sequence_go_on(stage: Stage, smtp: Sink) -> None:
    await stage.know(contact(1))
    await stage.enrol(1)
    endless = Template("x", "{% for i in (1..99999) %}{{ i }}{% endfor %}")
    stage.rules = replace(stage.rules, templates={**stage.rules.templates, "now": endless})
    async with carrying(stage.courier(smtp.port), stage.desk()):
        await until(lambda: settled(stage))
    assert reasons(await stage.published()) == ["render_failed"]
    assert smtp.letters == []
    assert await stage.endings() == ["running"]
