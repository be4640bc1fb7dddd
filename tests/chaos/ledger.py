"""The ledger: what was sent and accepted against what was done. Pure, so that it can be shown to fail.

Each check gives what is wrong, one line each; nothing is wrong when all give nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.people import Sent
from tests.chaos.plan import Touch
from tests.chaos.sink import Post
from tests.chaos.state import Row, State

_NUMBER = re.compile(r"Enquiry (\d+)\.")


@dataclass
class Facts:
    """All that a judgement is made from. `stored` is how many raw messages each stream holds."""

    sent: list[Sent]
    state: State
    post: Post
    stored: Mapping[str, int] = field(default_factory=dict)


def number_of(interaction: Row) -> int:
    """Which touch an interaction is; -1 when none of ours."""
    said = _NUMBER.search(interaction["text"] or "")
    if said:
        return int(said[1])
    tail = (interaction["external_id"] or "").rpartition(":")[2]
    return int(tail) if tail.isdecimal() else -1


def judge(facts: Facts) -> dict[str, list[str]]:
    """What is wrong, by the check that found it; every check is in it."""
    return {name: list(check(facts)) for name, check in CHECKS.items()}


def lost(facts: Facts) -> Iterator[str]:
    """Every accepted delivery is there."""
    there = {number_of(row) for row in facts.state.interactions}
    for one in facts.sent:
        if one.accepted and one.touch.number not in there:
            yield f"touch {one.touch.number} by {one.touch.channel} was accepted and is not there"


def doubled(facts: Facts) -> Iterator[str]:
    """No touch is there twice, and none that nobody sent."""
    known = {one.touch.number for one in facts.sent}
    for number, times in Counter(map(number_of, facts.state.interactions)).items():
        if times > 1:
            yield f"touch {number} is there {times} times"
        if number not in known:
            yield f"an interaction is there that nobody sent ({number})"


def passed_on(facts: Facts) -> Iterator[str]:
    """What connectors made of deliveries is what leads has logged; no delivery failed."""
    made, logged = _ids(facts.state.received), _ids(facts.state.interactions)
    for which, difference in (("never logged", made - logged), ("never received", logged - made)):
        if difference:
            yield f"{len(difference)} interactions were {which}, such as {min(difference)}"
    for row in facts.state.deliveries:
        if row["verdict"] != "accepted":
            yield f"delivery {row['id']} of {row['channel']} is {row['verdict']}"
    counted = Counter[str]()
    for row in facts.state.deliveries:
        counted[row["stream"]] += row["times"]
    for stream, stored in facts.stored.items():
        if counted[stream] != stored:
            yield f"{stream} holds {stored} deliveries, {counted[stream]} were counted"


def people(facts: Facts) -> Iterator[str]:
    """One contact for each person, by whatever identities their touches show; not one for two."""
    state = facts.state
    whose = {number_of(row): _head(state, row["contact_id"]) for row in state.interactions}
    by_person: dict[int, set[str]] = defaultdict(set)
    of_contact: dict[str, set[int]] = defaultdict(set)
    groups = same_people([one.touch for one in facts.sent if one.touch.number in whose])
    for person, touches in enumerate(groups):
        for touch in touches:
            by_person[person].add(whose[touch.number])
            of_contact[whose[touch.number]].add(person)
    for person, contacts in by_person.items():
        if len(contacts) > 1:
            yield f"person {groups[person][0].person} has {len(contacts)} contacts"
    for contact, several in of_contact.items():
        if len(several) > 1:
            yield f"contact {contact} is {len(several)} people"
    standing = {row["id"] for row in state.contacts if not row["merged_into"]}
    if idle := standing - of_contact.keys():
        yield f"{len(idle)} contacts are nobody's, such as {min(idle)}"


def same_people(touches: Iterable[Touch]) -> list[list[Touch]]:
    """Touches that belong together because a chain of shared identities links them."""
    groups: list[tuple[set[str], list[Touch]]] = []
    place: dict[str, int] = {}
    for touch in sorted(touches, key=lambda touch: touch.number):
        mine = sorted({place[known] for known in touch.identities if known in place})
        if not mine:
            mine = [len(groups)]
            groups.append((set(), []))
        first = groups[mine[0]]
        for other in mine[1:]:
            first[0].update(groups[other][0])
            first[1].extend(groups[other][1])
            groups[other] = (set(), [])
        first[0].update(touch.identities)
        first[1].append(touch)
        place.update(dict.fromkeys(first[0], mine[0]))
    return [found for _, found in groups if found]


def leads(facts: Facts) -> Iterator[str]:
    """One open lead for each contact, one deal for each lead, one open deal for each contact."""
    state = facts.state
    standing = {row["id"] for row in state.contacts if not row["merged_into"]}
    for what, rows in (("leads", state.leads), ("deals", state.deals)):
        still = Counter(_head(state, row["contact_id"]) for row in rows if row["status"] == "open")
        yield from _not_once(f"open {what} of contact", still, standing)
    captured = {row["id"] for row in state.leads if row["status"] != "merged"}
    yield from _not_once("deals of lead", Counter(row["lead_id"] for row in state.deals), captured)
    interactions = Counter(row["interaction_id"] for row in state.leads)
    yield from _repeated("leads of interaction", interactions)
    if sum(row["open_leads"] for row in state.team) != sum(row["status"] == "open" for row in state.leads):
        yield "the team's open leads are not those that are open"


def enrolments(facts: Facts) -> Iterator[str]:
    """One enrolment for each wish, one message for each of its due steps, each at its end."""
    state = facts.state
    wished = Counter((row["deal_id"], row["sequence"]) for row in state.enrolments)
    yield from _repeated("enrolments of", wished)
    missing = {row["id"] for row in state.deals} - {
        row["deal_id"] for row in state.enrolments if row["sequence"] == "welcome"
    }
    if missing:
        yield f"{len(missing)} deals have no welcome, such as {min(missing)}"
    talked = {row["deal_id"] for row in state.history if row["to_stage"] == "talking"}
    if absent := talked - {row["deal_id"] for row in state.enrolments if row["sequence"] == "offer"}:
        yield f"{len(absent)} deals have no offer, such as {min(absent)}"
    steps = Counter((row["enrolment_id"], row["step"]) for row in state.messages)
    yield from _repeated("messages of", steps)
    if silent := _ids(state.enrolments) - {row["enrolment_id"] for row in state.messages}:
        yield f"{len(silent)} enrolments have no message, such as {min(silent)}"
    for row in state.messages:
        if row["state"] in ("queued", "sending"):
            yield f"message {row['id']} is still {row['state']}"


def letters(facts: Facts) -> Iterator[str]:
    """What is called sent was taken once; what is unknown once at most; anything else never."""
    taken = facts.post.taken
    known = {row["message_id"]: row["state"] for row in facts.state.messages}
    for letter, times in taken.items():
        if times > 1:
            yield f"letter {letter} went out {times} times"
        if known.get(letter) not in ("sent", "unknown"):
            yield f"letter {letter} went out and is {known.get(letter, 'not known')}"
    for letter, outcome in known.items():
        if outcome == "sent" and letter not in taken:
            yield f"letter {letter} is called sent and was never taken"
    told = {row["message_id"]: row["outcome"] for row in facts.state.touches}
    for row in facts.state.messages:
        if row["state"] in ("sent", "unknown") and told.get(row["id"]) != row["state"]:
            yield f"message {row['id']} is {row['state']}, leads was told {told.get(row['id'])}"


def unknown(facts: Facts) -> Iterator[str]:
    """A letter is unknown only when its connection broke while it was in DATA, and each for one of those."""
    losses = facts.post.losses
    found = {row["message_id"] for row in facts.state.messages if row["state"] == "unknown"}
    at_hand = losses.just_answered(unread=True) | losses.just_answered(unread=False)
    strays = found - set(losses.in_data) - at_hand
    # A connection that is cut may lose a letter before anybody could read whose it was.
    nameless = [letter for letter in strays if letter not in losses.answered]
    paid_for = set(nameless) if len(nameless) <= losses.in_data.count("") else set()
    for letter in strays - paid_for:
        late = losses.answered.get(letter)
        told = f"its sender was told {late.age:.3f} s before" if late else "was on no connection that broke"
        yield f"letter {letter} is unknown and {told}"
    if len(found) > (bound := len(losses.in_data) + len(at_hand)):
        yield f"{len(found)} letters are unknown; {bound} connections broke with one in DATA"


def parked(facts: Facts) -> Iterator[str]:
    """Nothing was set aside: all of it could be handled."""
    for row in facts.state.parked:
        yield f"{row['service']} parked {row['type']} {row['event_id']}: {row['reason'].splitlines()[-1:]}"


CHECKS: Mapping[str, Callable[[Facts], Iterator[str]]] = {
    check.__name__: check
    for check in (lost, doubled, passed_on, people, leads, enrolments, letters, unknown, parked)
}


def _ids(rows: Iterable[Row]) -> set[str]:
    return {row["id"] for row in rows}


def _head(state: State, contact: str) -> str:
    """The contact that a merged one went on as."""
    into = {row["id"]: row["merged_into"] for row in state.contacts if row["merged_into"]}
    while contact in into:
        contact = into[contact]
    return contact


def _repeated(what: str, counted: Mapping[Any, int]) -> Iterator[str]:
    for name, times in counted.items():
        if times > 1:
            yield f"{times} {what} {name}"


def _not_once(what: str, counted: Mapping[str, int], wanted: set[str]) -> Iterator[str]:
    yield from _repeated(what, counted)
    if none := wanted - counted.keys():
        yield f"{len(none)} have no {what}, such as {min(none)}"
