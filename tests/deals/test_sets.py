"""Following a set of facts gives the same as following its facts one by one."""

from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.contract import Contract
from tests.deals.samples import (
    NOW,
    captured,
    changed,
    lead_merged,
    lead_reopened,
    merged,
    touched,
    unmerged,
)
from tests.deals.stage import Stage
from tests.deals.test_follow import message_sent
from tests.support.examples import examples

CONTACTS = st.sampled_from(["a", "b", "c"])
LEADS = st.sampled_from(["lead 1", "lead 2", "lead 3", "lead 4"])
PAIRS = st.permutations(["a", "b", "c"])


def _captured(lead: str, contact: str, channel: str) -> Contract:
    at = NOW + timedelta(minutes=int(lead[-1]))
    return captured(lead, contact, channel=channel, captured_at=at)


FACTS = st.one_of(
    st.builds(_captured, LEADS, CONTACTS, st.sampled_from(["main-site", "partner"])),
    st.builds(touched, CONTACTS, first=st.booleans(), medium=st.sampled_from(["email", "chat"])),
    st.builds(changed, CONTACTS, st.integers(1, 4), language=st.sampled_from(["de", "en"])),
    st.builds(message_sent, CONTACTS),
    st.builds(lambda pair: merged(pair[0], pair[1]), PAIRS),
    st.builds(lambda pair: lead_merged(f"lead {pair[0]}", f"lead {pair[1]}"), st.permutations([1, 2, 3, 4])),
    st.builds(lambda pair, lead: unmerged(pair[0], pair[1], lead), PAIRS, LEADS),
    st.builds(
        lambda pair, contact: lead_reopened(f"lead {pair[0]}", f"lead {pair[1]}", contact),
        st.permutations([1, 2, 3, 4]),
        CONTACTS,
    ),
)


@given(st.lists(FACTS, min_size=1, max_size=14), st.integers(1, 14))
@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_set_is_the_same_as_its_facts_singly(stage: Stage, data: list[Any], size: int) -> None:
    await stage.empty()
    facts = stage.facts(data)
    for fact in facts:
        await stage.tell_facts([fact])
    singly = await stage.state()
    await stage.empty()
    for start in range(0, len(facts), size):
        await stage.tell_facts(facts[start : start + size])
    assert await stage.state() == singly
