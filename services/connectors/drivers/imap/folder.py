"""Follows one folder: what is new is stored, then marked, then remembered as done.

Sources: RFC 3501, sections 2.3.1.1 (UIDs), 6.4.5 and 7.4.2 (FETCH); RFC 6851 (MOVE); RFC 4315 (UIDPLUS).
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from services.connectors.drivers.imap.names import mailbox
from services.connectors.drivers.imap.places import Place, Places, found_again
from services.connectors.drivers.imap.responses import Fetched, fetched, numbers
from services.connectors.drivers.imap.wire import Refused, Wire
from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable

log = structlog.get_logger()
_LISTED_AT_ONCE = 200
_FETCHED_AT_ONCE = 25
_REFUSALS = 4
_BYTES_AT_ONCE = 4 * 1024 * 1024
_CLOCKS_DIFFER = timedelta(minutes=5)
# How long news are awaited before we look anyway: below the 29 minutes of RFC 2177, and below what
# firewalls let a silent connection live.
WATCH_SECONDS = 9 * 60.0


@dataclass
class Folder:
    """One folder over one connection, until that breaks."""

    inlet: Inlet
    wire: Wire
    places: Places
    name: str
    most: int

    async def follow(self) -> None:
        """Read what is new, for ever. Raises Unreachable, Gone, Refused or Garbled."""
        polling = self.inlet.channel.settings.number("interval") or 30
        idles = "IDLE" in self.wire.abilities
        clock = asyncio.get_running_loop()
        while True:
            place = await self._selected()
            until = clock.time() + WATCH_SECONDS
            while clock.time() < until:
                place = await self._catch_up(place)
                self.inlet.state("connected")
                idles = idles and await self._idled(max(1.0, until - clock.time()))
                if not idles:
                    await asyncio.sleep(polling)
                    await self.wire.command("NOOP")

    async def _idled(self, seconds: float) -> bool:
        """False where the server offers IDLE and then does not do it."""
        try:
            await self.wire.idle(seconds)
        except Refused as error:
            log.warning("imap.no_idle", channel=self.inlet.channel.name, why=str(error))
            return False
        return True

    async def _selected(self) -> Place:
        after = self.inlet.channel.settings.text("after")
        verb = "EXAMINE" if after == "nothing" else "SELECT"
        try:
            said = await self.wire.command(verb, mailbox(self.name))
        except Refused as error:
            raise Unreachable(
                f"the folder {self.name!r} cannot be opened ({error}): check `folders`"
            ) from error
        told = dict(response.code for response in said)
        validity = _whole(told.get("UIDVALIDITY", ""))
        following = _whole(told.get("UIDNEXT", "")) or await self._following()
        known = self.places.of(self.name)
        place = found_again(known, validity, following, self._since(), self.inlet.clock.now())
        if place != known:
            if known:
                log.warning("imap.numbered_anew", channel=self.inlet.channel.name)
            await self.places.move(self.name, place)
        return place

    async def _following(self) -> int:
        """One more than the highest uid, of servers that do not tell."""
        return max(await self._search(b"UID 1:*"), default=0) + 1

    def _since(self) -> datetime | None:
        given = self.inlet.channel.settings.text("since")
        if not given:
            return None
        try:
            at = datetime.fromisoformat(given)
        except ValueError as error:
            raise Unreachable("`since` is no date such as 2026-11-01") from error
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    async def _catch_up(self, place: Place) -> Place:
        self.wire.news = False
        uids = await self._new(place)
        for start in range(0, len(uids), _LISTED_AT_ONCE):
            listed = uids[start : start + _LISTED_AT_ONCE]
            told = await self._fetch(listed, b"(UID RFC822.SIZE INTERNALDATE)")
            wanted = [mail for mail in told if _counts(mail, place)]
            for few in _by_size(wanted, self.most):
                place = await self._taken(few, place)
            place = await self._done(place, listed[-1])
        return place

    async def _new(self, place: Place) -> list[int]:
        """The uids after this place, in order. What is older than `start` by more than a day is left out."""
        found: set[int] = set()
        if place.uid + 1 < place.back:
            day = place.start.astimezone(UTC) - timedelta(days=1)
            found |= await self._search(b"UID %d:%d SINCE %s" % (place.uid + 1, place.back - 1, _day(day)))
        found |= await self._search(b"UID %d:*" % max(place.uid + 1, place.back))
        # The star is the last mail, even when its number is below the range.
        return sorted(uid for uid in found if uid > place.uid)

    async def _search(self, criteria: bytes) -> set[int]:
        said = await self.wire.command("UID SEARCH", criteria)
        return {uid for response in said if response.word == "SEARCH" for uid in numbers(response)}

    async def _fetch(self, uids: Sequence[int], items: bytes) -> list[Fetched]:
        """What is told of these mails, in order. Those that are gone meanwhile are not among them."""
        said = await self.wire.command("UID FETCH", ",".join(map(str, uids)).encode(), items)
        found: dict[int, Fetched] = {}
        for mail in (fetched(response) for response in said if response.word == "FETCH"):
            # News of flags come as responses of the same kind, with less in them.
            if mail and mail.uid in uids and (mail.size >= 0 or mail.body is not None):
                found[mail.uid] = mail
        return [found[uid] for uid in sorted(found)]

    async def _taken(self, few: Sequence[Fetched], place: Place) -> Place:
        """Take them together, or one by one where the server refuses that.

        A mail that it refuses again and again stays in the mailbox, and holds up no other.
        """
        try:
            await self._take(few)
        except Refused as error:
            if len(few) > 1:
                for mail in few:
                    place = await self._taken([mail], place)
                return place
            if place.refusals < _REFUSALS:
                await self.places.move(self.name, replace(place, refusals=place.refusals + 1))
                raise
            log.error("imap.mail_left_out", channel=self.inlet.channel.name, uid=few[0].uid, why=str(error))
        return await self._done(place, few[-1].uid)

    async def _take(self, few: Sequence[Fetched]) -> None:
        """Store these mails, then do with them what the channel wants. A mail above `most` is cut there."""
        known = {mail.uid: mail for mail in few}
        bodies = await self._fetch(list(known), b"(UID BODY.PEEK[]<0.%d>)" % self.most)
        kept = [replace(known[mail.uid], body=mail.body) for mail in bodies if mail.body]
        await self.inlet.store(*(self._arrived(mail) for mail in kept))
        if kept:
            await self._afterwards([mail.uid for mail in kept])

    def _arrived(self, mail: Fetched) -> Arrived:
        body = mail.body or b""
        headers = {}
        if mail.arrived:
            headers["arrived"] = mail.arrived.isoformat()
        if len(body) >= self.most and mail.size > len(body):
            headers["cut-from"] = str(mail.size)
            log.warning("imap.mail_cut", channel=self.inlet.channel.name, size=mail.size, kept=len(body))
        return Arrived(body, headers)

    async def _afterwards(self, uids: Sequence[int]) -> None:
        """Mark or move. Mail that is stored already must not wait for this: a refusal is only told."""
        settings = self.inlet.channel.settings
        after = settings.text("after")
        listed = ",".join(map(str, uids)).encode()
        try:
            if after == "seen":
                await self.wire.command("UID STORE", listed, b"+FLAGS.SILENT", b"(\\Seen)")
            elif after == "move":
                await self._move(listed, mailbox(settings.text("move_to")))
        except Refused as error:
            log.warning("imap.left_as_it_was", channel=self.inlet.channel.name, after=after, why=str(error))

    async def _move(self, listed: bytes, to: bytes) -> None:
        if "MOVE" in self.wire.abilities:
            await self.wire.command("UID MOVE", listed, to)
            return
        await self.wire.command("UID COPY", listed, to)
        await self.wire.command("UID STORE", listed, b"+FLAGS.SILENT", b"(\\Deleted)")
        # Without UIDPLUS an EXPUNGE would take what others have marked, too.
        if "UIDPLUS" in self.wire.abilities:
            await self.wire.command("UID EXPUNGE", listed)

    async def _done(self, place: Place, uid: int) -> Place:
        if uid > place.uid:
            place = replace(place, uid=uid, refusals=0)
            await self.places.move(self.name, place)
        return place


def _counts(mail: Fetched, place: Place) -> bool:
    """Mail that lay there before we came counts only if it came since `start`.

    Servers tell whole seconds, by a clock of their own: in doubt it counts.
    """
    return mail.uid >= place.back or mail.arrived is None or mail.arrived >= place.start - _CLOCKS_DIFFER


def _by_size(mails: Sequence[Fetched], most: int) -> Iterator[list[Fetched]]:
    """Few enough at a time that memory does not mind."""
    few: list[Fetched] = []
    room = _BYTES_AT_ONCE
    for mail in mails:
        size = min(mail.size, most)
        if few and (size > room or len(few) >= _FETCHED_AT_ONCE):
            yield few
            few, room = [], _BYTES_AT_ONCE
        few.append(mail)
        room -= size
    if few:
        yield few


def _day(at: datetime) -> bytes:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{at.day}-{months[at.month - 1]}-{at.year}".encode()


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0
