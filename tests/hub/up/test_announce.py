import uuid
from datetime import UTC, datetime
from decimal import Decimal

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


def test_the_way_of_an_enquiry_is_told_step_by_step() -> None:
    contact = {"contact_id": ID}
    touch = {"interaction_id": ID, "channel": "inbox", "medium": "email", "occurred_at": NOW}
    lead = LeadCaptured(
        **contact,
        lead_id=ID,
        interaction_id=ID,
        channel="inbox",
        medium="email",
        title="A title",
        contact_name="Sam",
        score=30,
        owner="anna",
        captured_at=NOW,
    )
    opened = DealOpened(
        **contact,
        deal_id=ID,
        lead_id=ID,
        funnel="reach",
        stage="new",
        title="A title",
        amount=Decimal(3),
        opened_at=NOW,
    )
    moved = DealMoved(
        **contact,
        deal_id=ID,
        funnel="reach",
        from_stage="new",
        to_stage="talking",
        status="open",
        reason="answered",
        version=2,
        moved_at=NOW,
    )
    task = TaskCreated(**contact, deal_id=ID, task_id=ID, title="A title", assignee="anna", due_at=NOW)
    message = {**contact, "message_id": ID, "step": "hello", "medium": "email"}
    run = {**contact, "enrolment_id": ID, "sequence": "welcome", "sequence_version": "v"}
    lines = [
        told(ContactTouched(**contact, **touch, first=True)),
        told(lead),
        told(opened),
        told(task),
        told(SequenceEnrolled(**run, enrolled_at=NOW)),
        told(MessageSent(**message, sent_at=NOW, internet_message_id="m@school.example")),
        told(ContactTouched(**contact, **touch, first=False)),
        told(moved),
        told(SequenceEnded(**run, reason="replied", ended_at=NOW)),
        told(MessageNotSent(**message, reason="no_address", settled_at=NOW)),
    ]
    words = [said.split("  ", 2)[1].strip() if said else None for said in lines]
    assert words == [
        None, "lead", "deal", "task", "sequence", "mail out", "touch", "deal", "sequence", "not sent",
    ]  # fmt: skip


def test_what_is_not_known_is_not_told() -> None:
    assert line(Envelope(id="1", source="/x", type="crm.other.thing.v1"), NOW) is None
