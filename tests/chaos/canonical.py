"""A state without what may differ between two runs of the same deliveries.

Kept: who is known by what, every interaction, lead, deal, stage, task, enrolment, message and timer.
Left out: ids, every time, order between people who have nothing to do with one another, whose turn in
the team it was (how many each has got stays), and where two streams race by design: what became of
letters of people who were merged or told their address later, or of a sequence that a reply may stop.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.chaos.ledger import number_of
from tests.chaos.state import Row, State

Portrait = dict[str, Any]
_OUT = {"sent": "out", "unknown": "out"}


class Canonical:
    """One state, seen person by person."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._into = {row["id"]: row["merged_into"] for row in state.contacts if row["merged_into"]}
        self._number = {row["id"]: number_of(row) for row in state.interactions}
        self._lead_name = {row["id"]: f"lead of {self._number[row['interaction_id']]}" for row in state.leads}
        self._deal_name = {row["id"]: self._lead_name.get(row["lead_id"], "?") for row in state.deals}
        self._enrolment = {row["id"]: row for row in state.enrolments}
        self._addressed = {row["contact_id"] for row in state.identities if row["kind"] == "email"}
        told = {row["id"] for row in state.interactions if row["has_address"]}
        begun = {row["id"] for row in state.leads if row["interaction_id"] in told}
        self._begun_with_address = {row["id"] for row in state.deals if row["lead_id"] in begun}

    def people(self) -> dict[str, Portrait]:
        """Every person by the touches that they are known from."""
        by_contact: dict[str, Portrait] = defaultdict(lambda: defaultdict(list))
        for row in self._state.contacts:
            if row["id"] in self._into:
                by_contact[self._head(row["id"])]["absorbed"].append(row["name"])
            else:
                by_contact[row["id"]]["self"] = [
                    (row["name"], row["language"], sorted(row["consents"]), sorted(row["fields"].items()))
                ]
        for name, contact, what in self._all():
            by_contact[self._head(contact)][name].append(what)
        found: dict[str, Portrait] = {}
        for parts in by_contact.values():
            known = sorted(parts["identities"])
            found[" ".join(known)] = {name: sorted(map(repr, rows)) for name, rows in parts.items()}
        return found

    def team(self) -> list[int]:
        """How many leads each of those who take turns has; who of them is no matter."""
        owned: dict[str, int] = defaultdict(int)
        for row in self._state.leads:
            owned["in turn" if row["medium"] != "chat" else str(row["owner"])] += 1
        return sorted(owned.values())

    def _head(self, contact: str) -> str:
        while contact in self._into:
            contact = self._into[contact]
        return contact

    def _all(self) -> Iterable[tuple[str, str, Any]]:
        yield from self._of_leads()
        yield from self._of_deals()
        yield from self._of_notifications()

    def _of_leads(self) -> Iterable[tuple[str, str, Any]]:
        state = self._state
        for row in state.identities:
            yield "identities", row["contact_id"], f"{row['kind']}:{row['value']}"
        for row in state.interactions:
            lead = self._lead_name.get(row["lead_id"])
            yield "interactions", row["contact_id"], (self._number[row["id"]], lead, _sorted(row["points"]))
        for row in state.leads:
            told = [row[name] for name in ("status", "score", "channel", "medium", "title")]
            merged = self._lead_name.get(row["merged_into"] or "")
            more = _sorted(row["points"]), _sorted(row["fields"]), merged
            yield "leads", row["contact_id"], (self._lead_name[row["id"]], *told, *more)

    def _of_deals(self) -> Iterable[tuple[str, str, Any]]:
        state, deals = self._state, {row["id"]: row for row in self._state.deals}
        for row in state.deals:
            told = [row[name] for name in ("funnel", "stage", "status", "title", "entry")]
            merged = self._deal_name.get(row["merged_into"] or "")
            yield "deals", row["contact_id"], (self._deal_name[row["id"]], *told, merged)
        for name, rows, columns in (
            ("history", state.history, ("entry", "from_stage", "to_stage", "status")),
            ("tasks", state.tasks, ("title", "status")),
            ("deal timers", state.deal_timers, ("rule",)),
        ):
            for row in rows:
                what = self._deal_name[row["deal_id"]], *(row[column] for column in columns)
                yield name, deals[row["deal_id"]]["contact_id"], what

    def _late(self, enrolment: Row, whose: str) -> bool:
        """Whether the address came only with a later touch: it may come before or after the letter's turn."""
        return whose in self._addressed and enrolment["deal_id"] not in self._begun_with_address

    def _of_notifications(self) -> Iterable[tuple[str, str, Any]]:
        merged = set(map(self._head, self._into))
        for row in self._state.enrolments:
            what = self._deal_name.get(row["deal_id"]), row["sequence"]
            yield "enrolments", row["contact_id"], what
        for row in self._state.messages:
            enrolment = self._enrolment[row["enrolment_id"]]
            fate = _OUT.get(row["state"], f"{row['state']} {row['reason']}")
            whose = self._head(enrolment["contact_id"])
            if enrolment["sequence"] != "welcome" or whose in merged or self._late(enrolment, whose):
                fate = "any"
            deal = self._deal_name.get(enrolment["deal_id"])
            yield "messages", enrolment["contact_id"], (deal, enrolment["sequence"], row["step"], fate)
        for row in self._state.opposite:
            yield "address", row["id"], row["email"]


def differences(chaos: State, serial: State) -> list[str]:
    """In what the two differ, one line for each part of a person."""
    one, other = Canonical(chaos), Canonical(serial)
    found = [f"{who}: {line}" for who, line in _compared(one.people(), other.people())]
    if one.team() != other.team():
        found.append(f"the team has {one.team()} leads, {other.team()} in the serial replay")
    return found


def _compared(chaos: Mapping[str, Portrait], serial: Mapping[str, Portrait]) -> Iterable[tuple[str, str]]:
    for who in sorted({*chaos, *serial}):
        if who not in chaos or who not in serial:
            yield who, f"only in the {'serial replay' if who in serial else 'run'}"
            continue
        one, other = chaos[who], serial[who]
        for part in sorted({*one, *other}):
            if one.get(part) != other.get(part):
                yield who, f"{part} {_less(one.get(part), other.get(part))}"


def _less(one: list[str] | None, other: list[str] | None) -> str:
    """Both, without what they have in common."""
    here, there = list(one or ()), list(other or ())
    for same in [row for row in here if row in there]:
        if same in here and same in there:
            here.remove(same)
            there.remove(same)
    return f"are {here}, in the serial replay {there}"


def _sorted(row: Mapping[str, Any] | Row) -> list[tuple[str, Any]]:
    return sorted(row.items())
