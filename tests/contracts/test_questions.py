"""Services answer questions in the shape that the contracts promise."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from contracts.interactions import InteractionReceived, Sender
from contracts.questions import AskInFlight, AskStage, AskTrace, Question, subject_to
from services.deals import app as deals
from services.runtime.bus import Unanswered
from services.runtime.errors import Permanent
from services.runtime.facts import Facts
from services.runtime.host import Program
from services.runtime.received import Received
from services.runtime.timers import Timer
from services.runtime.work import Work
from tests.support.hosts import RunningHost
from tests.support.wait import until

MakeHost = Callable[..., Awaitable[RunningHost]]


def interaction(text: str, now: Any) -> InteractionReceived:
    return InteractionReceived(
        interaction_id=uuid4(),
        delivery_id=str(uuid4()),
        channel="site",
        kind="form",
        medium="form",
        conversation=f"site:{uuid4()}",
        occurred_at=now,
        received_at=now,
        sender=Sender(),
        text=text,
    )


def reception() -> Program:
    """Journals, waits, and refuses what says so."""
    facts = Facts("CRM_CONNECTORS")

    @facts.on(InteractionReceived)
    async def on_interaction_received(fact: Received[InteractionReceived], work: Work) -> None:
        if fact.data.text == "refuse":
            raise Permanent("nobody can handle this")
        work.arm("call-back", fact.data.delivery_id, work.now + timedelta(days=1), rule="1d")
        work.note("took it", names=(fact.data.delivery_id,))

    async def on_call_back_due(timer: Timer, work: Work) -> None:
        return

    return Program(name="reception", facts=[facts], timers={"call-back": on_call_back_due})


async def ask(running: RunningHost, question: Question, model: type[BaseModel]) -> Any:
    """The answer, after it was read by the model without anything left over."""
    subject = subject_to(type(question), running.host.name)

    async def answered() -> Any:
        # A program that has just started may not listen yet; an empty answer counts as well.
        with suppress(Unanswered):
            return [await running.bus.request(subject, question.model_dump(exclude_unset=True))]

    (answer,) = await until(answered)
    read = model.model_validate(answer)
    assert keys(read.model_dump(exclude_unset=True)) == keys(answer)
    return read


def keys(value: Any) -> Any:
    """The keys of nested data, without what they hold."""
    if isinstance(value, dict):
        return {key: keys(one) for key, one in value.items()}
    return [keys(one) for one in value] if isinstance(value, list) else None


async def test_a_trace_is_answered_as_promised(make_host: MakeHost) -> None:
    running = await make_host(reception())
    good, bad = (interaction(text, running.host.clock.now()) for text in ("take", "refuse"))
    asked = [await running.publish(fact, correlation=fact.delivery_id) for fact in (good, bad)]
    assert len(set(asked)) == 2

    async def told() -> Any:
        question = AskTrace(correlations=[good.delivery_id, bad.delivery_id])
        answer = await ask(running, question, AskTrace.ANSWER)
        return answer if answer.entries and answer.parked and answer.timers else None

    answer = await until(told)
    assert [entry.did for entry in answer.entries if entry.names] == ["took it"]
    assert answer.parked[0].recovery == "person"
    resolved = await ask(running, AskTrace(resolve=[good.delivery_id]), AskTrace.ANSWER)
    assert resolved.correlations == [good.delivery_id]


@pytest.mark.parametrize(
    ("part", "accepted"), [({}, True), ({"funnels": {"reach": {"stages": [{"title": "New"}]}}}, False)]
)
async def test_staging_is_answered_as_promised(
    make_host: MakeHost, part: dict[str, Any], accepted: bool
) -> None:
    running = await make_host(deals.build())
    answer = await ask(running, AskStage(version="v1", part=part), AskStage.ANSWER)
    assert answer.accepted is accepted
    assert bool(answer.errors) is not accepted


async def test_what_is_in_flight_is_answered_as_promised(make_host: MakeHost) -> None:
    running = await make_host(deals.build())
    assert (await ask(running, AskInFlight(), AskInFlight.ANSWER)).root == {"funnels": {}}
