"""Handling a set gives exactly what handling its facts one by one gives."""

from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.leads.domain.assignment import AssignmentRule
from services.leads.domain.identity import Recognition
from services.leads.domain.rules import FieldRule, Rules
from services.leads.domain.scoring import ScoringRule
from tests.leads.stage import Stage, interaction, received
from tests.support.examples import examples

RULES = Rules(
    fields={"course": FieldRule(on_contact=True), "budget": FieldRule("number")},
    scoring=(
        ScoringRule("from the site", 10, lambda view: view.values["interaction"]["channel"] == "site"),
        ScoringRule("known", 5, lambda view: bool(view.values["contact"]["known"])),
        ScoringRule("rich", 20, lambda view: view.values["fields"].get("budget", 0) > 100),
    ),
    assignment=(
        AssignmentRule(("anna", "boris"), "least_busy", lambda view: view.values["lead"]["score"] > 15),
        AssignmentRule(("vera", "anna"), "round_robin", lambda view: True),
    ),
    team=("anna", "boris", "vera"),
)
SOMEBODY = [
    ("phone", "+7 926 000-00-01"),
    ("phone", "8 926 000 00 01"),
    ("phone", "89260000002"),
    ("phone", "89260000003"),
    ("email", "a@example.com"),
    ("email", "A@Example.com"),
    ("email", "b@example.com"),
    ("telegram", "1"),
    ("telegram", "2"),
    ("visitor", "v1"),
    ("visitor", "v2"),
    ("phone", "12"),
]


@st.composite
def histories(draw: st.DrawFn) -> list[Any]:
    """Facts about a few people who keep turning up under several identities; some come twice."""
    facts = []
    for place in range(draw(st.integers(1, 14))):
        number = draw(st.integers(0, place)) if draw(st.integers(0, 5)) == 0 else place
        data = interaction(
            number,
            *draw(st.lists(st.sampled_from(SOMEBODY), max_size=3)),
            name=draw(st.sampled_from([None, "Anna", "Boris"])),
            channel=draw(st.sampled_from(["site", "bot"])),
            fields=draw(
                st.dictionaries(st.sampled_from(["course", "budget"]), st.sampled_from(["7", "500"]))
            ),
            consents=draw(st.sampled_from([(), ("news",)])),
        )
        revision = draw(st.sampled_from([None, None, None, 1, 2]))
        facts.append(received(data, event_id=f"event-{place}", revision=revision))
    return facts


def _united(facts: list[Any]) -> set[frozenset[str]]:
    """The groups of proving identities that the facts connect: a plain union of sets."""
    groups: list[set[str]] = []
    for fact in facts:
        keys = {
            f"{key.kind}:{key.value}"
            for key in Recognition().read((i.kind, i.value) for i in fact.data.sender.identities).strong
        }
        joined = [group for group in groups if group & keys]
        groups = [group for group in groups if not group & keys] + [keys.union(*joined)]
    return {frozenset(group) for group in groups if group}


@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(facts=histories(), cuts=st.lists(st.integers(1, 14), max_size=4))
async def test_a_set_gives_what_its_facts_give_one_by_one(
    stage: Stage, facts: list[Any], cuts: list[int]
) -> None:
    stage.rules = RULES
    await stage.empty()
    for fact in facts:
        await stage.log_facts([fact])
    singly = await stage.state()
    await stage.empty()
    edges = sorted({0, *(cut for cut in cuts if cut < len(facts)), len(facts)})
    for begin, end in pairwise(edges):
        await stage.log_facts(facts[begin:end])
    assert await stage.state() == singly


@settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
@given(facts=histories())
async def test_whoever_is_connected_by_proof_is_one_contact(stage: Stage, facts: list[Any]) -> None:
    firsts = list({fact.data.interaction_id: fact for fact in reversed(facts)}.values())[::-1]
    await stage.empty()
    await stage.log_facts(firsts)
    proving = {
        frozenset(name for name in person if not name.startswith("visitor"))
        for person in await stage.people()
    }
    assert proving - {frozenset()} == _united(firsts)
    assert (
        await stage.value(
            "SELECT count(*) FROM (SELECT contact_id FROM leads WHERE status = 'open'"
            " GROUP BY 1 HAVING count(*) > 1) AS doubled"
        )
        == 0
    )
    assert (
        await stage.value(
            "SELECT count(*) FROM contacts WHERE merged_into IS NULL AND NOT EXISTS"
            " (SELECT FROM leads WHERE contact_id = contacts.id AND status = 'open')"
        )
        == 0
    )
    assert await stage.value("SELECT count(*) FROM interactions") == len(firsts)


async def test_open_leads_of_the_team_are_counted_right(stage: Stage) -> None:
    stage.rules = RULES
    await stage.log(*(interaction(number, ("telegram", str(number))) for number in range(30)))
    await stage.log(interaction(31, ("telegram", "1"), ("telegram", "2"), ("telegram", "3")))
    counted = await stage.rows(
        "SELECT owner, count(*) AS open FROM leads WHERE status = 'open' GROUP BY owner ORDER BY owner"
    )
    kept = await stage.rows(
        "SELECT member AS owner, open_leads AS open FROM team_members WHERE turn > 0 ORDER BY member"
    )
    assert kept == counted
