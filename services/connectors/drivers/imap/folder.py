"""Follows one folder: what is new is stored, then marked, then remembered as done.

Sources: RFC 3501, sections 2.3.1.1 (UIDs), 6.4.5 and 7.4.2 (FETCH); RFC 2180, section 4.1 (mail that another
has expunged); RFC 6851 (MOVE); RFC 4315 (UIDPLUS).
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from services.connectors.drivers.imap.names import mailbox
from services.connectors.drivers.imap.places import Place, Places, found_again
from services.connectors.drivers.imap.portions import by_size, portions
from services.connectors.drivers.imap.responses import Fetched, Garbled, fetched, numbers
from services.connectors.drivers.imap.wire import Gone, Refused, Wire
from services.connectors.drivers.inlet import Arrived, Inlet, Unreachable

log = structlog.get_logger()
# So often a mail is asked for, each time over a new connection.
_TRIES = 5
# So far from a mail that is not handed over another one is looked for, to compare.
_NEAR = 500
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
        for listed in portions(await self._new(place), singly=place.refusals > 0):
            place = await self._taken(listed, place)
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

    async def _taken(self, uids: Sequence[int], place: Place) -> Place:
        """Take these in, one by one where that fails.

        A mail that is not handed over again and again, while others are, is left out: it stays in the
        mailbox, people are told, and it holds up no other. A server that hands over none is waited for.
        """
        others_come = False
        try:
            if len(uids) == 1 and place.refusals + 1 >= _TRIES:
                others_come = await self._hands_over_others(uids[0], place.refusals + 1 - _TRIES)
            return await self._done(await self._took(uids, place), uids[-1])
        except (Refused, Garbled, Gone) as error:
            place = self.places.of(self.name) or place
            if len(uids) > 1 and not isinstance(error, Gone):
                for uid in uids:
                    place = await self._taken([uid], place) if uid > place.uid else place
                return place
            if not others_come:
                await self.places.move(self.name, replace(place, refusals=place.refusals + 1))
                raise
            await self._leave_out(uids[0], place, str(error))
            place = await self._done(place, uids[0])
            if isinstance(error, Gone):
                raise
            return place

    async def _hands_over_others(self, uid: int, turn: int) -> bool:
        """Whether one of the mails around it can be had, another one each turn; also when there is none."""
        near = await self._search(b"UID %d:%d" % (max(1, uid - _NEAR), uid + _NEAR)) - {uid}
        others = sorted(near, key=lambda other: (other > uid, abs(other - uid)))
        if not others:
            return True
        found = await self._fetch([others[turn % len(others)]], b"(UID BODY.PEEK[]<0.64>)")
        return any(mail.body for mail in found)

    async def _took(self, uids: Sequence[int], place: Place) -> Place:
        wanted = [mail for mail in await self._listed(uids) if _counts(mail, place)]
        for few in by_size(wanted, self.most):
            await self._take(few)
            place = await self._done(place, few[-1].uid)
        return place

    async def _listed(self, uids: Sequence[int]) -> list[Fetched]:
        """Size and time of all of them, as far as they are told."""
        told = {mail.uid: mail for mail in await self._fetch(uids, b"(UID RFC822.SIZE INTERNALDATE)")}
        return [told.get(uid, Fetched(uid)) for uid in uids]

    async def _take(self, few: Sequence[Fetched]) -> None:
        """Store these mails, then do with them what the channel wants. A mail above `most` is cut there."""
        known = {mail.uid: mail for mail in few}
        bodies = await self._fetch(list(known), b"(UID BODY.PEEK[]<0.%d>)" % self.most)
        kept = [replace(known[mail.uid], body=mail.body) for mail in bodies if mail.body]
        if withheld := await self._there(known.keys() - {mail.uid for mail in kept}):
            raise Garbled(f"the server hands over nothing of mail {min(withheld)} in {self.name!r}")
        await self.inlet.store(*(self._arrived(mail) for mail in kept))
        if kept:
            await self._afterwards([mail.uid for mail in kept])

    async def _there(self, uids: Collection[int]) -> set[int]:
        """Those that nobody has expunged: of expunged mail a server may hand over an empty shell."""
        if not uids:
            return set()
        await self.wire.command("NOOP")  # now it may tell what is gone
        return await self._search(b"UID " + ",".join(map(str, sorted(uids))).encode()) & set(uids)

    async def _leave_out(self, uid: int, place: Place, why: str) -> None:
        """In its stead comes a delivery that fails, once: people read there which mail it is."""
        log.error("imap.mail_left_out", channel=self.inlet.channel.name, folder=self.name, uid=uid, why=why)
        headers = {"left-out": why, "uid": str(uid), "folder": self.name}
        await self.inlet.store(Arrived(b"", headers, salt=f"{place.uidvalidity}.{uid}.{self.name}"))

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
        except (Gone, Garbled) as error:
            raise Unreachable(f"`after` is {after}, and in that: {error}; it is tried again") from error

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


def _day(at: datetime) -> bytes:
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{at.day}-{months[at.month - 1]}-{at.year}".encode()


def _whole(text: str) -> int:
    return int(text) if text.isdigit() else 0
