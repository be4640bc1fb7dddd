"""From a claimed message to the parcel for the server, by the rules its enrolment is pinned to."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from services.notifications.content.letter import Person, fill, values_for
from services.notifications.content.liquid import TemplateFailed
from services.notifications.content.mime import Letter, Mailbox, NotWritable, compose
from services.notifications.content.tokens import Tokens
from services.notifications.delivery.line import Parcel
from services.notifications.domain.rules import Rules, Step
from services.notifications.usecases.claim import Claimed

UNSUBSCRIBE_PATH = "/api/notifications/unsubscribe/"


class CannotRender(Exception):
    """No letter can be made of this message; says why without its content."""


class Writer:
    """Writes letters. `public_url` is where the outside world reaches this hub."""

    def __init__(self, rules_of: Callable[[str], Awaitable[Rules]], tokens: Tokens, public_url: str) -> None:
        self._rules_of = rules_of
        self._tokens = tokens
        self._public_url = public_url.rstrip("/")

    async def parcel(self, claimed: Claimed, now: datetime) -> Parcel:
        """The letter as the server gets it. Raises CannotRender, and what reading the rules raises."""
        rules = await self._rules_of(claimed.message.version)
        try:
            return self._write(claimed, rules, now)
        except KeyError as error:
            raise CannotRender(f"the definitions it was enrolled with lack {error}") from error
        except (TemplateFailed, NotWritable) as error:
            raise CannotRender(str(error)) from error

    def _write(self, claimed: Claimed, rules: Rules, now: datetime) -> Parcel:
        message, contact = claimed.message, claimed.contact
        sequence = rules.sequences[message.sequence]
        sender = rules.sender_of(sequence)
        url = f"{self._public_url}{UNSUBSCRIBE_PATH}{self._tokens.make(message.id)}"
        person = Person(contact.name, contact.language, claimed.address, contact.fields)
        step = _step(sequence.steps, message.step)
        rendered = fill(rules.templates[step.template], values_for(person, rules, sequence, url))
        letter = Letter(
            sender=Mailbox(sender.name, sender.address),
            reply_to=sender.reply_to,
            recipient=claimed.address,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            message_id=message.internet_message_id,
            unsubscribe_url=url,
            written_at=now,
        )
        return Parcel(sender.address, claimed.address, compose(letter))


def _step(steps: tuple[Step, ...], name: str) -> Step:
    for step in steps:
        if step.name == name:
            return step
    raise KeyError(name)
