"""One received interaction on its way into the log."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from contracts.interactions import InteractionReceived
from services.leads.domain.contact import Sighting
from services.leads.domain.identity import clean
from services.leads.domain.lead import title_of
from services.leads.domain.rules import Asked, Rules
from services.leads.store.interactions import Logged

if TYPE_CHECKING:
    from services.runtime.received import Received
    from services.runtime.work import Work

# Nobody asks for more by hand, and what is indexed must stay short.
LONGEST_NAME = 500


@dataclass
class Entry:
    """The fact, read by the rules. `contact_id` is the id of the contact it would make."""

    fact: "Received[InteractionReceived]"
    work: "Work"
    rules: Rules

    @property
    def data(self) -> InteractionReceived:
        """The interaction."""
        return self.fact.data

    @property
    def revision(self) -> int:
        """How often the delivery was parsed again before; 0 for the first time."""
        return (self.fact.envelope.revision if self.fact.envelope else None) or 0

    @cached_property
    def contact_id(self) -> UUID:
        """Drawn once, so that taking identities and making the contact agree."""
        return self.work.new_id("contact", self.fact.cause)

    @cached_property
    def asked(self) -> Asked:
        """The interaction as the rules look at it, free of what cannot be stored."""
        data = self.data
        return Asked(
            at=data.received_at,
            channel=data.channel,
            kind=data.kind,
            medium=data.medium,
            given=tuple((identity.kind, identity.value) for identity in data.sender.identities),
            name=data.sender.name,
            language=data.sender.language,
            title=clean(data.title) if data.title else None,
            text=clean(data.text),
            fields=cleaned(data.fields),
            consents=frozenset(clean(consent.purpose) for consent in data.consents),
            attachments=len(data.attachments),
        )

    @cached_property
    def sighting(self) -> Sighting:
        """What it tells about the person."""
        return self.rules.sighting(self.asked)

    @property
    def title(self) -> str:
        """What a lead made of it is called."""
        return title_of(self.asked.title, self.asked.text, self.data.channel)

    @property
    def names(self) -> tuple[str, ...]:
        """The ids under which a person may ask for it."""
        data = self.data
        given = (data.delivery_id, data.external_id, data.message_id)
        known = (clean(name) for name in given if name and len(name) <= LONGEST_NAME)
        return str(data.interaction_id), *known

    def logged(self, contact_id: UUID, lead_id: UUID | None, points: dict[str, int]) -> Logged:
        """The row to keep."""
        data, asked = self.data, self.asked
        return Logged(
            id=data.interaction_id,
            revision=self.revision,
            contact_id=contact_id,
            lead_id=lead_id,
            correlation=self.fact.cause.correlation,
            delivery_id=clean(data.delivery_id),
            channel=clean(data.channel),
            kind=clean(data.kind),
            medium=data.medium,
            external_id=clean(data.external_id) if data.external_id else None,
            conversation=clean(data.conversation),
            occurred_at=data.occurred_at,
            received_at=data.received_at,
            title=asked.title,
            text=asked.text,
            sender=cleaned(data.sender.model_dump(mode="json")),
            fields=dict(asked.fields),
            attachments=cleaned([file.model_dump(mode="json") for file in data.attachments]),
            consents=cleaned([consent.model_dump(mode="json") for consent in data.consents]),
            message_id=clean(data.message_id) if data.message_id else None,
            in_reply_to=[clean(one) for one in data.in_reply_to],
            points=points,
        )


def asked_again(row: Any) -> Asked:
    """An interaction from the log, as the rules look at it."""
    sender = row["sender"]
    return Asked(
        at=row["received_at"],
        channel=row["channel"],
        kind=row["kind"],
        medium=row["medium"],
        given=tuple((one["kind"], one["value"]) for one in sender["identities"]),
        name=sender["name"],
        language=sender["language"],
        title=row["title"],
        text=row["text"],
        fields=row["fields"],
        consents=frozenset(consent["purpose"] for consent in row["consents"]),
    )


def cleaned(value: Any) -> Any:
    """JSON-ready data without the character that PostgreSQL cannot store."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if isinstance(value, dict):
        return {clean(name): cleaned(one) for name, one in value.items()}
    return value
