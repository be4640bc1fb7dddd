"""A ledger that cannot find fault is worth nothing: every wrong that it is there for is shown to it."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.chaos.canonical import differences
from tests.chaos.ledger import Facts, judge, same_people
from tests.chaos.mailroad import MOMENT, Answered
from tests.chaos.people import Sent, words
from tests.chaos.plan import Settings, Touch, draw
from tests.chaos.replay import Raw, Recording
from tests.chaos.sink import Post
from tests.chaos.state import State

MAIL = "l1.hello@school.example"


def touch(number: int, person: int = 1, **more: object) -> Touch:
    return Touch(number, person, "form", 0.0, email=True, **more)  # type: ignore[arg-type]


def right() -> Facts:
    """One person, two touches, all as it should be."""
    first, second = touch(1), touch(2)
    lead: dict[str, Any] = {
        "id": "l1",
        "contact_id": "c1",
        "interaction_id": "i1",
        "status": "open",
        "owner": "anna",
    }
    lead |= {"score": 1, "points": {}, "channel": "main-site", "medium": "form", "title": "t"}
    state = State(
        deliveries=[{"id": f"d{n}", "channel": "x", "stream": "INTAKE", "times": 1, "verdict": "accepted"}
                    for n in (1, 2)],
        received=[{"id": "i1", "delivery_id": "d1"}, {"id": "i2", "delivery_id": "d2"}],
        interactions=[
            {"id": f"i{one.number}", "contact_id": "c1", "lead_id": "l1", "text": words(one),
             "external_id": None, "points": {}, "has_address": True}
            for one in (first, second)
        ],
        contacts=[{"id": "c1", "name": "Kim", "language": None, "consents": [], "fields": {},
                   "merged_into": None}],
        identities=[{"kind": "email", "value": first.address, "contact_id": "c1"}],
        leads=[lead | {"fields": {}, "merged_into": None}],
        team=[{"member": "anna", "open_leads": 1}],
        touches=[{"message_id": "m1", "outcome": "sent"}],
        deals=[{"id": "e1", "lead_id": "l1", "contact_id": "c1", "funnel": "reach", "stage": "talking",
                "status": "open", "title": "t", "entry": 2, "merged_into": None}],
        history=[{"deal_id": "e1", "entry": 1, "from_stage": None, "to_stage": "new", "status": "open"}],
        tasks=[{"id": "k1", "deal_id": "e1", "title": "Call back", "status": "open"}],
        enrolments=[{"id": "n1", "contact_id": "c1", "sequence": "welcome", "deal_id": "e1"}],
        messages=[{"id": "m1", "enrolment_id": "n1", "step": "hello", "state": "sent", "reason": None,
                   "message_id": MAIL}],
    )  # fmt: skip
    sent = [Sent(first, accepted=1), Sent(second, accepted=1)]
    return Facts(sent, state, Post(Counter({MAIL: 1})), {"INTAKE": 2})


def found(facts: Facts) -> set[str]:
    return {check for check, wrong in judge(facts).items() if wrong}


def again(rows: list[dict[str, Any]], **other: object) -> int:
    rows.append({**rows[0], **other})
    return len(rows)


def test_nothing_is_wrong_with_what_is_right() -> None:
    assert found(right()) == set()
    assert differences(right().state, right().state) == []


WRONGS: dict[str, tuple[Callable[[Facts], object], set[str]]] = {
    "a lost delivery": (lambda facts: facts.state.interactions.pop(), {"lost", "passed_on"}),
    "a doubled interaction": (
        lambda facts: again(facts.state.interactions, id="i9"),
        {"doubled", "passed_on"},
    ),
    "an interaction of nobody": (
        lambda facts: again(facts.state.interactions, id="i9", text="Enquiry 77."),
        {"doubled", "passed_on"},
    ),
    "a doubled contact": (
        lambda facts: (
            again(facts.state.contacts, id="c2"),
            facts.state.interactions[1].update(contact_id="c2"),
        ),
        {"people", "leads"},
    ),
    "a contact of nobody": (lambda facts: again(facts.state.contacts, id="c2"), {"people", "leads"}),
    "two people as one": (
        lambda facts: facts.sent.__setitem__(1, Sent(touch(2, person=5), accepted=1)),
        {"people"},
    ),
    "a doubled lead": (lambda facts: again(facts.state.leads, id="l2"), {"leads"}),
    "a doubled deal": (lambda facts: again(facts.state.deals, id="e2"), {"leads", "enrolments"}),
    "a lead without a deal": (lambda facts: facts.state.deals.clear(), {"leads"}),
    "a miscounted team": (lambda facts: facts.state.team[0].update(open_leads=2), {"leads"}),
    "a doubled enrolment": (lambda facts: again(facts.state.enrolments, id="n2"), {"enrolments"}),
    "a missing enrolment": (lambda facts: facts.state.enrolments.clear(), {"enrolments"}),
    "a doubled message": (
        lambda facts: again(facts.state.messages, id="m2", message_id="x", state="cancelled"),
        {"enrolments"},
    ),
    "a message left behind": (
        lambda facts: facts.state.messages[0].update(state="sending"),
        {"enrolments", "letters"},
    ),
    "a letter sent twice": (lambda facts: facts.post.taken.update({MAIL: 1}), {"letters"}),
    "a letter of nobody": (lambda facts: facts.post.taken.update({"x": 1}), {"letters"}),
    "a letter only said to be sent": (lambda facts: facts.post.taken.clear(), {"letters"}),
    "a letter sent and not known so": (
        lambda facts: facts.state.messages[0].update(state="not_sent"),
        {"letters"},
    ),
    "leads told otherwise": (lambda facts: facts.state.touches[0].update(outcome="unknown"), {"letters"}),
    "an unknown letter without a reason": (
        lambda facts: (
            facts.state.messages[0].update(state="unknown"),
            facts.state.touches[0].update(outcome="unknown"),
        ),
        {"unknown"},
    ),
    "something parked": (
        lambda facts: facts.state.parked.append(
            {"service": "leads", "type": "t", "event_id": "x", "reason": "why"}
        ),
        {"parked"},
    ),
    "a failed delivery": (lambda facts: facts.state.deliveries[0].update(verdict="failed"), {"passed_on"}),
    "an uncounted delivery": (lambda facts: facts.state.deliveries[0].update(times=3), {"passed_on"}),
}


@pytest.mark.parametrize("wrong", WRONGS)
def test_the_ledger_finds(wrong: str) -> None:
    facts = right()
    spoil, checks = WRONGS[wrong]
    spoil(facts)
    assert found(facts) == checks


def test_what_was_not_answered_may_be_there_or_not() -> None:
    facts = right()
    facts.sent[1].accepted, facts.sent[1].failed = 0, 1
    assert found(facts) == set()


def test_an_unknown_letter_is_paid_for_by_a_connection_lost_with_it() -> None:
    facts = right()
    facts.state.messages[0]["state"] = facts.state.touches[0]["outcome"] = "unknown"
    assert found(facts) == {"unknown"}
    facts.post.losses.in_data.append(MAIL)
    assert found(facts) == set()


def test_a_connection_lost_before_the_name_of_its_letter_pays_for_one_letter() -> None:
    facts = right()
    facts.state.messages[0]["state"] = facts.state.touches[0]["outcome"] = "unknown"
    facts.post.losses.in_data.append("")
    assert found(facts) == set()
    facts.post.losses.answered[MAIL] = Answered(9.0, unread=False)
    assert found(facts) == {"unknown"}


def test_an_unknown_letter_is_not_paid_for_by_another_connection_nor_by_a_late_loss() -> None:
    facts = right()
    facts.state.messages[0]["state"] = facts.state.touches[0]["outcome"] = "unknown"
    facts.post.losses.in_data.append("another@school.example")
    for unread in (True, False):
        facts.post.losses.answered[MAIL] = Answered(2 * MOMENT, unread)
        assert found(facts) == {"unknown"}
        facts.post.losses.answered[MAIL] = Answered(MOMENT / 2, unread)
        assert found(facts) == set()


COLUMNS = {
    "deals": "stage",
    "tasks": "title",
    "history": "to_stage",
    "leads": "score",
    "contacts": "name",
    "messages": "state",
    "identities": "value",
}


@pytest.mark.parametrize(("table", "column"), COLUMNS.items())
def test_the_replay_shows_a_row_that_differs(table: str, column: str) -> None:
    chaos, serial = right().state, right().state
    getattr(serial, table)[0][column] = "another"
    assert differences(chaos, serial)
    doubled = deepcopy(chaos)
    again(getattr(doubled, table), **({"id": "c7"} if table == "contacts" else {}))
    assert differences(chaos, doubled)


def test_people_are_known_by_chains_of_identities() -> None:
    by_mail, by_both = touch(1), touch(2, phone=True)
    by_phone = Touch(3, 1, "chat", 0.0, phone=True)
    by_chat = Touch(4, 1, "chat", 0.0)
    other = Touch(5, 2, "chat", 0.0)
    groups = same_people([by_chat, by_mail, other, by_phone, by_both])
    assert sorted(sorted(one.number for one in group) for group in groups) == [[1, 2, 3, 4], [5]]


def test_a_seed_gives_the_same_plan_each_time() -> None:
    settings = Settings(deliveries=50, kills=3)
    one, other = (draw(7, settings, ("leads-1", "nats")) for _ in range(2))
    assert one == other
    assert draw(8, settings, ("leads-1", "nats")) != one
    assert sum(not touch.impatient for touch in one.touches) >= 50
    kills = [fault.target for fault in one.faults if fault.kind == "kill"]
    assert Counter(kills) == {"leads-1": 3, "nats": 3}


def test_the_replay_feeds_the_order_of_the_facts_and_every_repeat() -> None:
    recording = Recording(
        order=[("INGRESS_PARTNER", 1), ("INTAKE", 1), ("INTAKE", 3), ("INGRESS_PARTNER", 2)]
    )
    for stream, count, person in (("INTAKE", 4, 1), ("INGRESS_PARTNER", 2, 1)):
        for seq in range(1, count + 1):
            recording.messages[stream, seq] = Raw(stream, seq, "", {}, b"", person if seq != 2 else None)
    waves = [[(one.stream[:3], one.seq) for one in wave] for wave in recording.waves()]
    assert waves == [
        [("ING", 1)],
        [("INT", 1), ("INT", 2), ("INT", 3), ("ING", 2), ("INT", 4)],
    ]
    assert recording.out_of_order() == []
    recording.order.append(("INTAKE", 2))
    assert recording.out_of_order() == ["INTAKE 2 was published after 3"]
