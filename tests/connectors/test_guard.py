"""What a channel's guard sets aside, how it counts, and how it is released."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.connectors.definitions import channel_of
from services.connectors.domain import Delivery
from services.connectors.domain.guard import Guard, Rate
from services.connectors.usecases.outcome import Outcome, outcome_of
from services.connectors.usecases.parse_again import parse_again
from services.runtime.definitions import DefinitionErrors
from tests.connectors.fixtures import AT
from tests.connectors.stage import BOT, SECRETS, SITE, URLENCODED, Stage, at_minute, form, texts, update

OFF = {"per_sender": "off", "per_channel": "off"}


def tried(body: str, guard: dict[str, Any] | None = None, query: str = "", **definition: Any) -> Outcome:
    given = {**SITE, **definition} | ({} if guard is None else {"guard": {**OFF, **guard}})
    delivery = Delivery("site", "form", body.encode(), AT, {"content-type": URLENCODED}, query)
    return outcome_of(channel_of("site", given), delivery).guarded()


@pytest.mark.parametrize(
    ("body", "guard", "query", "why"),
    [
        ("tel=1&leadwire_website=x", None, "", "leadwire_website"),
        ("tel=1", None, "leadwire_seconds=1", "less than 2 seconds"),
        ("tel=1&leadwire_seconds=0", None, "", "less than 2 seconds"),
        ("tel=1&a%5Bb%5D=x", {"honeypots": ["a[b]"]}, "", "the field a.b"),
        ("tel=1", {"least_seconds": 60}, "leadwire_seconds=59", "less than 60"),
        ("text=http://a.example+www.b.example", {"most_links": 1}, "", "more than 1 links"),
        ("text=Best%0ACASINO!", {"words": ["casino"]}, "", '"casino"'),
        ("tel=1&note=Buy++Followers", {"words": ["buy followers"]}, "", '"buy followers"'),
        ("text=казиношные+игры", {"words": ["Казино*"]}, "", '"Казино*"'),
        ("text=see+a.spam.example/x", {"domains": ["spam.example"]}, "", '"spam.example"'),
        ("email=a@Spam.example", {"domains": ["spam.example"]}, "", '"spam.example"'),
    ],
)
def test_what_is_caught_says_by_which_rule(
    body: str, guard: dict[str, Any] | None, query: str, why: str
) -> None:
    outcome = tried(body, guard, query)
    assert (outcome.verdict, outcome.found) == ("quarantined", ())
    assert why in outcome.reason


@pytest.mark.parametrize(
    ("body", "guard", "query"),
    [
        ("tel=1&leadwire_website=+", None, ""),
        ("tel=1", None, "leadwire_seconds=2"),
        ("tel=1&leadwire_seconds=soon", None, "leadwire_seconds=" + "9" * 40),
        ("text=http://a.example", {"most_links": 1}, "landing_page=http://b.example&utm_x=http://c.example"),
        ("text=" + "http://a.example+" * 50, {"most_links": False}, ""),
        ("text=casinos+of+Cannes", {"words": ["casino"]}, ""),
        ("text=nospam.example+spam.example.org", {"domains": ["spam.example"]}, ""),
    ],
)
def test_what_is_not_caught(body: str, guard: dict[str, Any] | None, query: str) -> None:
    assert tried(body, guard, query).verdict == "accepted"


def test_what_a_form_tells_the_guard_is_never_published() -> None:
    outcome = tried("tel=1&trap=&leadwire_seconds=9", {"honeypots": ["trap"]}, "page=https://a.example/x")
    assert outcome.found[0].fact.fields == {"page": "https://a.example/x"}
    plain = tried("tel=1", {"honeypots": ["trap"]})
    assert plain.found[0].content == outcome.found[0].content
    assert tried("leadwire_seconds=9").verdict == "ignored"


def test_a_guard_reads_whatever_comes_without_a_form_too() -> None:
    channel = channel_of("bot", {**BOT, "guard": {"words": ["casino"]}}, SECRETS)
    assert channel.guard == Guard(least_seconds=2, most_links=5, words=("casino",))
    delivery = update(5, text="Casino")
    assert outcome_of(channel, delivery).guarded().verdict == "quarantined"


@pytest.mark.parametrize(
    ("guard", "field"),
    [
        ({"per_sender": "ten"}, "per_sender"),
        ({"per_channel": "5 in 2000 minutes"}, "per_channel"),
        ({"domains": ["https://spam.example"]}, "domains"),
        ({"words": ["**"]}, "words"),
        ({"honeypots": ["[]"]}, "honeypots"),
        ({"most_links": -1}, "most_links"),
        ({"wrods": ["x"]}, "wrods"),
    ],
)
def test_a_guard_that_is_wrong_is_named(guard: dict[str, Any], field: str) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        channel_of("site", {**SITE, "guard": guard})
    assert caught.value.errors[0].path.startswith(f"channels.site.guard.{field}")
    assert caught.value.errors[0].remedy


def test_spans_begin_at_midnight_and_end_with_the_day() -> None:
    late = datetime(2026, 1, 15, 23, 55, tzinfo=UTC)
    midnight = datetime(2026, 1, 16, tzinfo=UTC)
    assert Rate(1, 10).span(late) == (midnight - timedelta(minutes=10), midnight)
    assert Rate(1, 700).span(late) == (midnight - timedelta(minutes=40), midnight)


def guarded(stage: Stage, **guard: Any) -> None:
    stage.define("site", {**SITE, "guard": {**OFF, **guard}})


def sent(number: int, minute: float = 0, sender: str = "a") -> Delivery:
    return replace(form(f"tel={number}&your-name=N{number}", minute), sender=sender)


async def verdicts(stage: Stage) -> list[str]:
    rows = await stage.database.pool.fetch("SELECT verdict FROM deliveries ORDER BY first_seq")
    return [row["verdict"] for row in rows]


async def test_more_than_its_rate_is_set_aside_until_the_next_span(stage: Stage) -> None:
    guarded(stage, per_sender="2 in 10 minutes")
    await stage.take(sent(1), sent(2), sent(3), sent(4, sender="b"), sent(5, sender=""))
    await stage.take(sent(6, minute=9.9))
    await stage.take(sent(7, minute=10))
    held, good = "quarantined", "accepted"
    assert await verdicts(stage) == [good, good, held, good, good, held, good]
    assert len(await stage.published()) == 5
    row = await stage.delivery(sent(3))
    assert row["reason"] == "more than 2 in 10 minutes came from one network address"
    assert row["event"] == "submission"


async def test_a_whole_channel_has_a_rate_too(stage: Stage) -> None:
    guarded(stage, per_channel="2 in 10 minutes")
    await stage.take(sent(1, sender="a"), sent(2, sender="b"), update(5))
    await stage.take(sent(3, sender="c"))
    assert await verdicts(stage) == ["accepted", "accepted", "accepted", "quarantined"]


async def test_the_same_bytes_are_counted_once_and_stay_set_aside(stage: Stage) -> None:
    guarded(stage, per_sender="2 in 10 minutes")
    await stage.take(sent(1), sent(1), sent(1))
    await stage.take(sent(1), sent(2))
    await stage.take(sent(3))
    assert await verdicts(stage) == ["accepted", "accepted", "quarantined"]
    await stage.take(sent(3), at_minute(sent(3), 30))
    assert (await stage.delivery(sent(3)))["verdict"] == "quarantined"
    assert (await stage.delivery(sent(3)))["times"] == 3
    assert len(await stage.published()) == 2


async def test_a_set_counts_as_its_deliveries_one_by_one(stage: Stage) -> None:
    guarded(stage, per_sender="3 in 10 minutes", words=["casino"])
    rows = [sent(n % 7, minute=n, sender="ab"[n % 2]) for n in range(20)]
    rows[4] = replace(form("tel=4&text=casino", 4), sender="a")
    await stage.take(*rows)
    together = await verdicts(stage)
    await stage.database.pool.execute("TRUNCATE deliveries, interactions, outbox, guard_counts")
    stage.seq = 0
    for row in rows:
        await stage.take(row)
    assert await verdicts(stage) == together
    assert set(together) == {"accepted", "quarantined"}


async def test_old_counts_are_forgotten(stage: Stage) -> None:
    guarded(stage, per_sender="2 in 10 minutes")
    await stage.take(at_minute(sent(1), -4 * 24 * 60))
    await stage.take(sent(2))
    assert await stage.database.pool.fetchval("SELECT count(*) FROM guard_counts") == 1


async def release(stage: Stage, delivery: Delivery, seq: int) -> int | None:
    arrival = stage.arrival(delivery, seq)
    async with stage.work(arrival.cause) as work:
        return await parse_again(arrival, work, revises=False, releases=True)


async def test_a_release_publishes_once_as_the_reader_would_have(stage: Stage) -> None:
    guarded(stage, words=["casino"])
    caught = form("tel=1&text=casino")
    await stage.take(caught)
    assert await stage.published() == []
    assert await stage.again(caught) is None
    assert await release(stage, caught, 1) == 1
    assert await release(stage, caught, 1) is None
    [fact] = await stage.published()
    assert (fact.causationid, fact.revision) == (f"{caught.id}@INTAKE:1", None)
    row = await stage.delivery(caught)
    assert (row["verdict"], row["reason"], row["revision"]) == ("accepted", "", 1)
    assert "released" in (await stage.journal())[-1]["did"]
    await stage.take(caught)
    assert await stage.again(caught, seq=2) == 0
    assert len(await stage.published()) == 1


async def test_what_was_published_is_not_taken_back_by_a_new_rule(stage: Stage) -> None:
    ok = form("tel=1&text=casino")
    await stage.take(ok)
    guarded(stage, words=["casino"])
    assert await stage.again(ok) == 0
    assert (await stage.delivery(ok))["verdict"] == "accepted"


async def test_a_large_or_failed_one_is_looked_at_when_it_is_parsed(stage: Stage) -> None:
    guarded(stage, words=["casino"], per_sender="1 in 10 minutes")
    large, second = replace(form("tel=1&text=casino"), sender="a"), replace(form("tel=2"), sender="a")
    arrivals = [stage.arrival(large, large=True), stage.arrival(second, large=True)]
    await stage.take_in(arrivals)
    assert await verdicts(stage) == ["waiting", "quarantined"]
    assert await stage.again(large, revises=False) == 0
    assert await verdicts(stage) == ["quarantined", "quarantined"]
    assert await release(stage, large, 1) == 1
    assert texts(await stage.published()) == ["casino"]
