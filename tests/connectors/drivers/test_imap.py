"""The IMAP driver against real servers: pymap always, Dovecot where the machine has it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from services.connectors.drivers.imap.folder import Folder
from services.connectors.drivers.imap.responses import Fetched
from services.runtime.bus import Bus
from services.runtime.slots import Slot
from services.runtime.streams import INLETS_BUCKET
from tests.connectors.drivers.mailbox_stage import driving, mail, subjects
from tests.support.mailboxes import MailServer, dovecot, has_dovecot, pymap
from tests.support.wait import until

SERVERS = {"pymap": pymap, "dovecot": dovecot}
FOLDER = "Заявки & more"


@pytest.fixture(scope="module", params=SERVERS)
def running(request: pytest.FixtureRequest) -> Iterator[MailServer]:
    if request.param == "dovecot" and not has_dovecot():
        pytest.skip("this machine has no Dovecot")
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture
async def server(running: MailServer) -> MailServer:
    await running.expunge()
    return running


async def test_what_comes_is_stored_and_stays_unread_and_what_lay_there_does_not_count(
    bus: Bus, server: MailServer
) -> None:
    await server.put(mail(1))
    async with driving(bus, server.port) as driven:
        await driven.connected()
        await server.put(mail(2), mail(3, "x" * 5000))
        assert await driven.subjects(2) == ["Lesson 2", "Lesson 3"]
        assert await server.unread() == 3


async def test_what_came_while_nobody_looked_is_fetched_and_nothing_twice(
    bus: Bus, server: MailServer
) -> None:
    async with driving(bus, server.port) as driven:
        await driven.connected()
        await server.put(mail(1))
        await driven.stored(1)
    await server.put(mail(2), mail(3))
    async with driving(bus, server.port) as driven:
        assert await driven.subjects(3) == ["Lesson 1", "Lesson 2", "Lesson 3"]
        await driven.connected()
    assert len(await subjects(bus)) == 3


async def test_since_reads_back_to_its_date_and_no_further(bus: Bus, server: MailServer) -> None:
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=3)
    await server.put(mail(1), at=day - timedelta(days=9))
    await server.put(mail(2), at=day - timedelta(hours=1))
    await server.put(mail(3), at=day + timedelta(hours=1))
    async with driving(bus, server.port, since=f"{day:%Y-%m-%d}") as driven:
        await driven.connected()
        assert await subjects(bus) == ["Lesson 3"]
        [headers] = await driven.stored(1)
        assert headers["In-arrived"] == (day + timedelta(hours=1)).isoformat()


async def test_folders_are_read_side_by_side_and_each_again_when_it_is_numbered_anew(
    bus: Bus, server: MailServer
) -> None:
    await server.create(FOLDER)
    async with driving(bus, server.port, folders=["INBOX", FOLDER]) as driven:
        await driven.connected()
        await until(lambda: _places(bus, 2))
        await server.put(mail(1))
        await server.put(mail(2), mail(3), folder=FOLDER)
        assert await driven.subjects(3) == ["Lesson 1", "Lesson 2", "Lesson 3"]
    await server.create(FOLDER)
    await server.put(mail(4), mail(2), folder=FOLDER)
    async with driving(bus, server.port, folders=["INBOX", FOLDER]) as driven:
        await driven.stored(4)
        await driven.connected()
    assert await subjects(bus) == ["Lesson 1", "Lesson 2", "Lesson 3", "Lesson 4"]


async def _places(bus: Bus, count: int) -> bool:
    value, _ = await Slot(bus, INLETS_BUCKET, "cursor.inlet").read()
    return (value or b"").count(b'"uid"') == count


@pytest.mark.parametrize("after", ["seen", "move"])
async def test_a_stored_mail_is_marked_or_moved_where_that_is_wanted(
    bus: Bus, server: MailServer, after: str
) -> None:
    await server.create("Done")
    async with driving(bus, server.port, after=after, move_to="Done") as driven:
        await driven.connected()
        await server.put(mail(1), mail(2))
        await driven.stored(2)
        await until(lambda: _is_dealt_with(server, after))


async def _is_dealt_with(server: MailServer, after: str) -> bool:
    if after == "seen":
        return await server.unread() == 0
    return (await server.count(), await server.count("Done")) == (0, 2)


async def test_a_mail_above_the_limit_is_cut_and_says_so(bus: Bus, server: MailServer) -> None:
    long = mail(1, "x" * 1_500_000)
    async with driving(bus, server.port, largest=1) as driven:
        await driven.connected()
        await server.put(long)
        [headers] = await driven.stored(1)
    assert int(headers["In-cut-from"]) == len(long)
    assert headers["Leadwire-Object"]


async def test_mail_that_somebody_deletes_while_it_is_fetched_is_no_trouble(
    bus: Bus, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Folder._take
    gone: list[Fetched] = []

    async def take(folder: Folder, few: Sequence[Fetched]) -> None:
        if not gone:
            await server.expunge()
            gone.extend(few)
        await real(folder, few)

    monkeypatch.setattr(Folder, "_take", take)
    async with driving(bus, server.port) as driven:
        await driven.connected()
        await server.put(mail(1))
        await until(lambda: bool(gone))
        await server.put(mail(2))

        async def came() -> bool:
            return "Lesson 2" in await subjects(bus)

        await until(came)
        # A server may hand over what is gone as long as somebody has the folder open (RFC 2180, 4.1.1).
        assert set(await subjects(bus)) <= {"Lesson 1", "Lesson 2"}
        await driven.connected()
