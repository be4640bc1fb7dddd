import uuid
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contracts.contract import Contract, plain
from contracts.deals import DealMoved, DealOpened, TaskCreated
from contracts.envelope import Envelope
from contracts.interactions import Identity, InteractionReceived, Sender
from contracts.leads import ContactTouched, LeadCaptured
from contracts.notifications import MessageNotSent, MessageSent, SequenceEnded, SequenceEnrolled
from services.hub.up.announce import line

NOW = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
ID = uuid.UUID(int=7)
PRIVATE = ("Sam", "sam@school.test", "+44", "A title", "Some text")


def told(contract: Contract) -> str | None:
    event = Envelope(id="1", source="/x", type=contract.TYPE, data=plain(contract))
    said = line(event, NOW)
    assert not [word for word in PRIVATE if said and word in said], said
    return said


def test_an_enquiry_is_told_by_its_channel_and_delivery_and_nothing_else() -> None:
    received = InteractionReceived(
        interaction_id=ID,
        delivery_id="d1",
        channel="main-site",
        kind="form",
        medium="form",
        conversation="sam@school.test",
        occurred_at=NOW,
        received_at=NOW,
        sender=Sender(identities=[Identity(kind="email", value="sam@school.test")], name="Sam"),
        title="A title",
        text="Some text",
    )
    assert told(received) == "09:30:00  enquiry   main-site (form)  d1"


OF_CONTACT = {"contact_id": ID}
OF_DEAL = {**OF_CONTACT, "deal_id": ID}
TOUCH = {**OF_CONTACT, "interaction_id": ID, "channel": "inbox", "medium": "email", "occurred_at": NOW}
LEAD = {**OF_CONTACT, "lead_id": ID, "interaction_id": ID, "channel": "inbox", "medium": "email"}
MOVE = {"funnel": "reach", "from_stage": "new", "to_stage": "talking", "status": "open", "version": 2}
OPENING = {"lead_id": ID, "funnel": "reach", "stage": "new", "title": "A title", "amount": Decimal(3)}
MESSAGE = {**OF_CONTACT, "message_id": ID, "step": "hello", "medium": "email"}
RUN = {**OF_CONTACT, "enrolment_id": ID, "sequence": "welcome", "sequence_version": "v"}


@pytest.mark.parametrize(
    ("contract", "word"),
    [
        (ContactTouched(**TOUCH, first=True), None),
        (LeadCaptured(**LEAD, title="A title", contact_name="Sam", owner="sales-1", captured_at=NOW), "lead"),
        (DealOpened(**OF_DEAL, **OPENING, opened_at=NOW), "deal"),
        (TaskCreated(**OF_DEAL, task_id=ID, title="A title", assignee="sales-1", due_at=NOW), "task"),
        (SequenceEnrolled(**RUN, enrolled_at=NOW), "sequence"),
        (MessageSent(**MESSAGE, sent_at=NOW, internet_message_id="m@school.example"), "mail out"),
        (ContactTouched(**TOUCH, first=False), "touch"),
        (DealMoved(**OF_DEAL, **MOVE, lead_id=ID, reason="answered", moved_at=NOW), "deal"),
        (SequenceEnded(**RUN, reason="replied", ended_at=NOW), "sequence"),
        (MessageNotSent(**MESSAGE, reason="no_address", settled_at=NOW), "not sent"),
    ],
)
def test_the_way_of_an_enquiry_is_told_step_by_step(contract: Contract, word: str | None) -> None:
    said = told(contract)
    assert (said.split("  ", 2)[1].strip() if said else None) == word


def test_what_is_not_known_is_not_told() -> None:
    assert line(Envelope(id="1", source="/x", type="crm.other.thing.v1"), NOW) is None
