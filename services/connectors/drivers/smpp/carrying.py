"""Messages of ours through a bound connection: cut, submitted, and what the centre said."""

import asyncio
import itertools
from dataclasses import replace

from services.connectors.domain import Settings
from services.connectors.domain.sending import InDoubt, Later, Outcome, Outgoing, Refused, Sent
from services.connectors.drivers.inlet import Unreachable
from services.connectors.drivers.smpp.session import Session
from services.connectors.reading.smpp import pdus
from services.connectors.reading.smpp.pdus import Address, Message
from services.connectors.reading.smpp.texts import pieces

_RESPONSE_SECONDS = 10.0
_SLOW_SECONDS = {pdus.THROTTLED: 5.0, pdus.QUEUE_FULL: 30.0, pdus.SYSTEM_ERROR: 30.0, pdus.TRY_LATER: 60.0}
_PART_PAUSE, _PART_TRIES = 1.0, 5
_UDH = 0x40
_RECEIPT_WANTED = 1
_TYPES = {"international": (1, 1), "national": (2, 1), "network": (3, 0), "unknown": (0, 0), "name": (5, 0)}
_SHORT_CODE = 8
_MEANINGS = {
    0x0A: "the sender is not allowed: check `sender` and `sender_type`",
    0x0B: "the number is not valid",
    0x48: "the sender's type is not valid: check `sender_type`",
    0x50: "the number's type is not valid",
    0x67: "the centre does not take our optional parameters: check `long`",
}


class Carrier:
    """Carries messages while its session stands."""

    def __init__(self, session: Session, settings: Settings) -> None:
        self._session = session
        self._source = source_of(settings)
        self._long = settings.text("long")
        self._references = itertools.count(1)

    async def carry(self, message: Outgoing) -> Outcome:
        """Every part in turn. The last part's id is the message's: its receipt is asked for."""
        parts = self._parts(message)
        if not parts:
            return Refused("bad_address", "the address is no telephone number: write +442079460958")
        outcome: Outcome = Later(1.0, "nothing was sent")
        for place, part in enumerate(parts):
            outcome = await self._submit(part)
            for _ in range(_PART_TRIES if place else 0):
                if not isinstance(outcome, Later):
                    break
                await asyncio.sleep(_PART_PAUSE)
                outcome = await self._submit(part)
            if not isinstance(outcome, Sent):
                return outcome if not place else InDoubt(f"only {place} of {len(parts)} parts were taken")
        return outcome

    def _parts(self, message: Outgoing) -> list[Message]:
        number = message.to.strip().removeprefix("+")
        if not (number.isdecimal() and number.isascii() and len(number) <= 20):
            return []
        coding, texts = pieces(message.text)
        whole = Message(self._source, Address(number, 1, 1), b"".join(texts), data_coding=coding)
        if len(texts) > 1 and self._long != "payload":
            reference = next(self._references) % 0x100
            part = _by_parameters if self._long == "sar" else _by_header
            found = [part(replace(whole, text=text), reference, len(texts), number)
                     for number, text in enumerate(texts, 1)]  # fmt: skip
        else:
            found = [whole]
        return [*found[:-1], replace(found[-1], registered=_RECEIPT_WANTED)]

    async def _submit(self, part: Message) -> Outcome:
        try:
            answer = await self._session.ask(pdus.SUBMIT_SM, pdus.submit_body(part), _RESPONSE_SECONDS)
        except TimeoutError:
            return InDoubt("the centre did not answer")
        except (OSError, Unreachable):
            return InDoubt("the connection ended")
        status = pdus.header_of(answer).status
        if status == pdus.OK:
            return Sent(pdus.text_in(answer[16:]))
        if status in _SLOW_SECONDS:
            return Later(
                _SLOW_SECONDS[status], f"the centre asks for patience, status 0x{status:02X}", whole=True
            )
        code = f"0x{status:08X}"
        return Refused(code, _MEANINGS.get(status, f"the centre refused it with status {code}"))


def source_of(settings: Settings) -> Address:
    """The sender with its type and plan."""
    sender, sort = settings.text("sender").strip(), settings.text("sender_type")
    digits = sender.removeprefix("+")
    if sort not in _TYPES:
        short = "network" if len(digits) <= _SHORT_CODE else "international"
        sort = short if digits.isdecimal() else "name"
    return Address(sender if sort == "name" else digits, *_TYPES[sort])


def _by_header(part: Message, reference: int, total: int, number: int) -> Message:
    header = bytes([5, 0, 3, reference, total, number])
    return replace(part, esm_class=_UDH, text=header + part.text)


def _by_parameters(part: Message, reference: int, total: int, number: int) -> Message:
    told = {pdus.SAR_REFERENCE: reference.to_bytes(2, "big")}
    told |= {pdus.SAR_TOTAL: bytes([total]), pdus.SAR_NUMBER: bytes([number])}
    return replace(part, tlvs=told)
