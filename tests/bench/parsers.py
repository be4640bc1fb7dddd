"""How many deliveries a second one core parses: every kind on its own recordings, mail of 5 kB besides."""

import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from email.parser import BytesParser
from email.policy import compat32
from functools import partial

from services.connectors.catalog.kinds import Kind, catalogue
from services.connectors.errors import Unreadable
from services.connectors.kit.recorded import fixtures_of
from tests.bench.contender import Contender, Measured, Stage
from tests.bench.parser_mails import handed_over, mail
from tests.bench.rows import Row

FLOOR = "email.parser, 5 kB mail"
_WANTED_OF_MAIL, _WANTED = 400, 3000
_MAIL = frozenset({"smtp", "imap", "mailgun", "sendgrid"})
# Long enough for thousands of deliveries; there are many rows.
_SECONDS = 0.25
Work = Sequence[Callable[[], object]]


class Parsers:
    """The part."""

    name = "parsers"
    title = "Parsers on one core"
    pictured = False

    @asynccontextmanager
    async def contenders(self, stage: Stage) -> AsyncIterator[Sequence[Contender]]:
        yield [_row(FLOOR, "mails", [partial(_read, mail())]), *_mails(), *_kinds()]

    def verdicts(self, rates: Mapping[str, float]) -> Sequence[str]:
        mails = {name: rate for name, rate in rates.items() if name.endswith("mail") and name != FLOOR}
        others = {name: rate for name, rate in rates.items() if name not in mails and name != FLOOR}
        others = {name: rate for name, rate in others.items() if name not in _MAIL}
        return [_verdict(mails, _WANTED_OF_MAIL, "5 kB mail"), _verdict(others, _WANTED, "JSON and forms")]


def _verdict(rates: Mapping[str, float], wanted: float, what: str) -> str:
    slowest = min(rates, key=lambda name: rates[name])
    told = "met" if rates[slowest] >= wanted else "MISSED"
    least = f"wanted at least {wanted:,.0f}"
    return f"{told}: {what}: the slowest of {len(rates)} is {slowest} with {rates[slowest]:,.0f}/s, {least}"


def _mails() -> Iterator[Contender]:
    for name, (delivery, settings) in handed_over().items():
        work = [partial(catalogue()[name].parse, delivery, settings)]
        yield _row(f"{name}, 5 kB mail", "mails", work, (FLOOR,))


def _kinds() -> Iterator[Contender]:
    for name, kind in sorted(catalogue().items()):
        work = _recorded(kind)
        if work:
            yield _row(name, "deliveries", work)


def _recorded(kind: Kind) -> Work:
    """What becomes of each recording of the kind that is accepted."""
    return [
        partial(kind.parse, delivery, fixture.channel.settings)
        for fixture in fixtures_of(kind)
        if fixture.expected.get("verdict") == "accepted"
        for delivery in fixture.deliveries()
        if _is_readable(partial(kind.parse, delivery, fixture.channel.settings))
    ]


def _is_readable(parse: Callable[[], object]) -> bool:
    try:
        parse()
    except Unreadable:
        return False
    return True


def _read(raw: bytes) -> None:
    """As little as the library can do with a mail: its parts, decoded."""
    for part in BytesParser(policy=compat32).parsebytes(raw).walk():
        part.get_payload(decode=True)


def _row(name: str, counts: str, work: Work, against: Sequence[str] = ()) -> Row:
    async def rounds(seconds: float) -> Measured:
        return _parsed(work, min(seconds, _SECONDS))

    return Row(name, counts, rounds, against)


def _parsed(work: Work, seconds: float) -> Measured:
    """Again and again for so long; CPU is what counts, for nothing here waits."""
    gc.collect()
    latencies: list[float] = []
    begun = before = time.process_time()
    while before - begun < seconds:
        for once in work:
            once()
        now = time.process_time()
        latencies.append((now - before) / len(work))
        before = now
    burned = before - begun
    return Measured(len(latencies) * len(work), burned, latencies, load_cpu=burned)


PART = Parsers()
