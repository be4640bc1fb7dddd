"""Field mapping: from whatever a form calls its fields to what the contract calls them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from contracts.interactions import Consent, Identity, Medium
from services.connectors.domain import Delivery, FieldMap, Settings, Touch, clean
from services.connectors.domain.guard import SECONDS_FIELD
from services.connectors.reading.documents import FieldList, dotted
from services.connectors.reading.forms import Submission

# What a mapping may name besides `identity.<kind>`; any other name becomes a field of that name.
CONTRACT_FIELDS = frozenset({"name", "phone", "email", "text", "title", "language", "id"})
IDENTITY = "identity."
# Fields of these names need no mapping.
_BY_THEMSELVES = {"name": ("name",), "phone": ("phone",), "email": ("email",), "text": ("text",)}
# What the drop-in script tells of the page in the inlet's address, beside the `utm_` tags.
PAGE_FIELDS = frozenset({"referrer", "landing_page", "page", "gclid", "yclid"})
_NO = frozenset({"", "0", "no", "off", "false", "нет", "n", "f"})
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Mapped:
    """A submission seen through a channel's mapping; remembers which form fields it used."""

    def __init__(self, submission: Submission, settings: Settings) -> None:
        self.submission = submission
        self.map = settings.fields
        self._used: set[str] = set()

    def values(self, name: str) -> list[str]:
        """Every value mapped to a contract field that is not blank."""
        found: list[str] = []
        for source in self._sources(name):
            self._used.add(source)
            found += [text for value in self.submission.fields.get(source, ()) if (text := clean(value))]
        return found

    def _sources(self, name: str) -> tuple[str, ...]:
        return self.map.sources.get(name) or _BY_THEMSELVES.get(name) or ()

    def identities(self) -> list[Identity]:
        """Phones, emails and the messenger ids that the mapping names."""
        named = [name for name in self.map.sources if name.startswith(IDENTITY)]
        kinds = [("phone", "phone"), ("email", "email")]
        kinds += [(name, name.removeprefix(IDENTITY)) for name in named]
        return [
            Identity(kind=kind[:40], value=value[:320]) for name, kind in kinds for value in self.values(name)
        ]

    def consents(self, given_at: datetime) -> list[Consent]:
        """The purposes whose box was ticked."""
        self._used.update(box.field for box in self.map.consents.values())
        return [
            Consent(purpose=purpose, wording=box.wording, given_at=given_at)
            for purpose, box in self.map.consents.items()
            if self.submission.first(box.field).lower() not in _NO
        ]

    def fields(self, skip: frozenset[str]) -> FieldList:
        """Fields the mapping renames, then everything that nothing else used."""
        renamed = {
            name: self.values(name)
            for name in self.map.sources
            if name not in CONTRACT_FIELDS and not name.startswith(IDENTITY)
        }
        left = {
            name: values
            for name, values in self.submission.fields.items()
            if name not in self._used and name not in skip
        }
        return {**left, **renamed}


def mapped_touch(
    submission: Submission,
    delivery: Delivery,
    settings: Settings,
    *,
    medium: Medium,
    usual: Mapping[str, tuple[str, ...]] | None = None,
    skip: frozenset[str] = frozenset(),
    external_id: str | None = None,
    occurred_at: datetime | None = None,
) -> Touch:
    """One touch out of a filled-in form. What the kind calls its fields is `usual`; a mapping goes before it.

    Fields in `skip`, and those of the setting of that name, are left out.
    """
    sources = {**(usual or {}), **settings.fields.sources}
    form = Mapped(submission, replace(settings, fields=FieldMap(sources, settings.fields.consents)))
    skip |= skipped(settings)
    identities = form.identities()
    external_id = external_id or next(iter(form.values("id")), None)
    who = f"{identities[0].kind}:{identities[0].value.lower()}" if identities else delivery.id
    language = next(iter(form.values("language")), "") or accepted_language(delivery)
    touch = {
        "name": " ".join(form.values("name")) or None,
        "title": " ".join(form.values("title")) or settings.title or None,
        "text": "\n".join(form.values("text")),
        "consents": form.consents(delivery.received_at),
    }
    return Touch(
        medium=medium,
        conversation=f"{delivery.kind}:{delivery.channel}:{who}",
        external_id=external_id,
        content=None if external_id else submission.content(skip),
        occurred_at=occurred_at,
        identities=identities,
        language=language if _LANGUAGE.fullmatch(language) else None,
        fields={**page_fields(delivery), **form.fields(skip)},
        attachments=submission.files,
        **touch,  # type: ignore[arg-type]
    )


def skipped(settings: Settings) -> frozenset[str]:
    """The fields that the channel does not want or that are for its guard alone, in dotted spelling."""
    return frozenset((*map(dotted, settings.texts("skip")), *settings.fields.hidden, SECONDS_FIELD))


def asked(settings: Settings) -> frozenset[str]:
    """Every field name that the channel's definition speaks of, in dotted spelling."""
    sources = (one for names in settings.fields.sources.values() for one in names)
    boxes = (box.field for box in settings.fields.consents.values())
    return frozenset((*sources, *boxes, *skipped(settings)))


def accepted_language(delivery: Delivery) -> str:
    """The language a browser prefers; empty when it does not say."""
    return delivery.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()


def page_fields(delivery: Delivery) -> dict[str, str | Sequence[str]]:
    """Where the visitor came from: the page, its campaign tags, and those of the inlet's address."""
    found: dict[str, str | Sequence[str]] = {}
    page = delivery.headers.get("referer", "")
    if page:
        found["referrer"] = page
    try:
        pairs = parse_qsl(urlsplit(page).query, max_num_fields=100)
        found |= {name: value for name, value in pairs if name.startswith("utm_")}
        pairs = parse_qsl(delivery.query, max_num_fields=100)
        found |= {name: value for name, value in pairs if name.startswith("utm_") or name in PAGE_FIELDS}
    except ValueError:  # a referrer that is no address stays as it is
        pass
    return found
