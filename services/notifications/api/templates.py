"""Templates as a contact would see them, before anybody does."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from services.notifications.api.answers import MayWrite, not_found, problems
from services.notifications.api.bodies import Preview, PreviewWish
from services.notifications.content.letter import Person, fill, sample_values, values_for
from services.notifications.content.liquid import TemplateFailed, flaws
from services.notifications.domain.rules import Rules, Template
from services.notifications.store import contacts
from services.runtime.definitions import Definitions
from services.runtime.problems import Problem

if TYPE_CHECKING:
    from services.runtime.host import Host

_LINK = "https://example.com/api/notifications/unsubscribe/preview"


class TemplateRoutes:
    """POST /templates/preview."""

    def __init__(self, host: "Host", definitions: Definitions[Rules]) -> None:
        self._host = host
        self._definitions = definitions

    def add_to(self, router: APIRouter) -> None:
        """Register the routes."""
        router.add_api_route(
            "/templates/preview",
            self.preview,
            methods=["POST"],
            summary="Preview a letter",
            tags=["templates"],
            responses=problems(401, 403, 404, 422),
        )

    async def preview(self, wish: PreviewWish, _caller: MayWrite) -> Preview:
        """Rendered by the very code that writes real letters; nothing is stored or sent."""
        rules = self._definitions.current
        template = _template(wish, rules)
        person = await self._person(wish)
        try:
            if wish.sequence is None:
                rendered = fill(template, sample_values(person))
            elif (sequence := rules.sequences.get(wish.sequence)) is None:
                raise not_found("sequence")
            else:
                rendered = fill(template, values_for(person, rules, sequence, _LINK))
        except TemplateFailed as failed:
            remedy = "Correct the template there."
            raise Problem(422, "The template fails", str(failed), "text", remedy) from None
        return Preview(subject=rendered.subject, text=rendered.text, html=rendered.html)

    async def _person(self, wish: PreviewWish) -> Person | None:
        if wish.contact is None:
            return None
        async with self._host.database.pool.acquire() as connection:
            contact = await contacts.read(connection, wish.contact)
        if contact is None:
            raise not_found("contact")
        return Person(contact.name, contact.language, contact.email, contact.fields)


def _template(wish: PreviewWish, rules: Rules) -> Template:
    if wish.template is not None:
        if wish.template not in rules.templates:
            raise not_found("template")
        return rules.templates[wish.template]
    written = {"subject": wish.subject or "", "text": wish.text or "", "html": wish.html}
    for key, source in written.items():
        for flaw in flaws(source, html=key == "html") if source else ():
            detail = f"line {flaw.line}: {flaw.message}"
            raise Problem(422, "The template is not valid", detail, key, flaw.remedy)
    return Template(wish.subject or "", wish.text or "", wish.html)
