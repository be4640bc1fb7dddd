from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from contracts.interactions import Attachment, Identity
from services.connectors.domain import Delivery, Touch, clean, delivery_id, interaction, own_id, single_line
from services.connectors.domain.text import fields_within
from tests.connectors.fixtures import AT

DELIVERY = Delivery("site", "form", b"a=1", AT)
TOUCH = Touch(medium="form", conversation="form:site:x", content="c0ffee")


def test_a_delivery_is_known_by_channel_and_bytes() -> None:
    assert DELIVERY.id == delivery_id("site", b"a=1")
    assert DELIVERY.id != delivery_id("other", b"a=1")
    assert DELIVERY.id != delivery_id("site", b"a=2")
    assert replace(DELIVERY, known_id="x").id == "x"


def test_a_vendors_id_gives_the_same_interaction_for_ever() -> None:
    touch = replace(TOUCH, external_id="17")
    later = replace(DELIVERY, body=b"other", received_at=AT + timedelta(days=400))
    assert own_id(DELIVERY, touch, 0) == own_id(later, touch, 3)
    assert own_id(DELIVERY, touch, 0) != own_id(replace(DELIVERY, channel="b"), touch, 0)
    assert own_id(DELIVERY, touch, 0) != own_id(replace(DELIVERY, kind="nats"), touch, 0)


def test_content_gives_another_interaction_at_another_time() -> None:
    later = replace(DELIVERY, received_at=AT + timedelta(minutes=11))
    assert own_id(DELIVERY, TOUCH, 0) == own_id(DELIVERY, TOUCH, 0)
    assert own_id(DELIVERY, TOUCH, 0) != own_id(later, TOUCH, 0)


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        (None, AT),
        (AT - timedelta(days=3), AT - timedelta(days=3)),
        (AT + timedelta(minutes=5), AT + timedelta(minutes=5)),
        (AT + timedelta(days=1), AT),
        (datetime(1970, 1, 1, tzinfo=UTC), AT),
        (datetime.min.replace(tzinfo=UTC), AT),
        ((AT - timedelta(hours=1)).replace(tzinfo=None), AT - timedelta(hours=1)),
    ],
)
def test_a_senders_clock_is_believed_unless_it_is_absurd(claimed: datetime | None, kept: datetime) -> None:
    fact = interaction(DELIVERY, replace(TOUCH, occurred_at=claimed), own_id(DELIVERY, TOUCH, 0))
    assert fact.occurred_at == kept


def test_what_databases_refuse_does_not_get_through() -> None:
    touch = replace(
        TOUCH,
        conversation="email:яна\r\n@x\udcff",
        name="A\0n\x1bna\udcff  Lee",
        text="a\0b\r\nc\ud800",
        fields={"k\0": "v\0", "empty": " ", "list": ["x", "", "y"], "\0": "z"},
        attachments=[Attachment(name="..\\..\\etc/passwd\0", content_type="")],
        identities=[Identity(kind="email", value="a@b\0"), Identity(kind="email", value="a@b")],
    )
    fact = interaction(DELIVERY, touch, own_id(DELIVERY, touch, 0))
    assert fact.sender.name == "Anna Lee"
    assert fact.text == "ab\nc"
    assert fact.fields == {"k": "v", "list": ["x", "y"]}
    assert fact.conversation.isascii()
    assert "\n" not in fact.conversation
    assert fact.attachments == [Attachment(name="passwd", content_type="application/octet-stream")]
    assert len(fact.sender.identities) == 1


def test_a_fact_stays_far_below_the_limit_of_the_bus() -> None:
    touch = replace(TOUCH, text="я" * 10_000_000, fields={str(n): "x" * 10_000 for n in range(2000)})
    fact = interaction(DELIVERY, touch, own_id(DELIVERY, touch, 0))
    assert len(fact.model_dump_json().encode()) < 300_000


def test_fields_keep_their_order_until_the_budget_is_spent() -> None:
    assert fields_within({"a": "12345", "b": "12345", "c": "1"}, budget=13) == {"a": "12345", "b": "12345"}


def test_lines_are_cut_and_joined() -> None:
    assert single_line(" a\r\nb\t c ") == "a b c"
    assert clean("x" * 10, 3) == "xxx"
