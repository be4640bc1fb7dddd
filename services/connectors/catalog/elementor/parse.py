"""Forms of Elementor Pro, in either mode of its webhook. Source: its classes Webhook and Form_Record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from contracts.interactions import Attachment
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.documents import dotted
from services.connectors.reading.fieldmap import asked, mapped_touch
from services.connectors.reading.forms import Submission, read_submission

# The labels and ids of a form's first fields; a channel's mapping has precedence.
_USUAL = {
    "name": ("Name", "name", "Имя"),
    "phone": ("Phone", "phone", "Телефон"),
    "email": ("Email", "email", "E-mail"),
    "text": ("Message", "message", "Сообщение"),
}
_BY_TYPE = {"tel": "phone", "email": "email", "textarea": "text"}
# What the form tells of itself in simple mode, by label. Address, browser and clock of a visitor are private.
_PAGE = "Page URL"
_PRIVATE = frozenset({"Remote IP", "User Agent", "Powered by", "Date", "Time", _PAGE})
_OWN = _PRIVATE | {"form_id", "form_name", "page_title", "Page Title"}


@dataclass(slots=True)
class _Form:
    """A form as far as it is read: the answers, the page, and what the fields' types say of them."""

    submission: Submission
    page: str
    usual: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(_USUAL))
    private: frozenset[str] = frozenset()


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One submission, one touch. Raises Unreadable for a damaged body."""
    given = read_submission(delivery)
    if given is None:
        return rejected("unknown", "no form has this content type")
    # In the advanced mode every field comes with its type, label and value.
    if any(name.startswith("fields.") and name.endswith(".type") for name in given.fields):
        form = _advanced(given, settings)
    else:
        form = _Form(given, given.first(_PAGE), private=_PRIVATE)
    told = form.submission.fields
    if not form.submission.files and not any(map(form.submission.first, told.keys() - _OWN)):
        return ignored("empty", "nothing was filled in")
    touch = mapped_touch(
        form.submission,
        # The page stands where a browser would name it: its campaign tags are read from there.
        replace(delivery, headers={**delivery.headers, "referer": form.page}),
        settings,
        medium="form",
        usual=form.usual,
        skip=form.private,
    )
    return accepted("submission", touch)


def _advanced(given: Submission, settings: Settings) -> _Form:
    form = _Form(Submission(files=given.files, digests=given.digests), given.first("meta.page_url.value"))
    named = asked(settings)
    told = form.submission.fields
    for known, parts in _parts(given, "fields."):
        label = dotted(parts.get("title", "")) or known
        name = next((one for one in (known, label) if one in named), label)
        value, kind = parts.get("value", ""), parts.get("type", "")
        links = [link.strip() for link in value.split(",")] if kind == "upload" else []
        if links and all(link.startswith("http") for link in links):
            form.submission.files += [
                Attachment(name=link.rpartition("/")[2] or "file", reference=link) for link in links
            ]
            continue
        told.setdefault(name, []).append(value)
        wanted = _BY_TYPE.get(kind) or ("name" if known == "name" else "")
        if wanted and name not in form.usual[wanted]:
            form.usual[wanted] = (*form.usual[wanted], name)
    own = {"form_id": "form.id", "form_name": "form.name", "page_title": "meta.page_title.value"}
    told |= {shown: given.fields[name] for shown, name in own.items() if name in given.fields}
    return form


def _parts(given: Submission, prefix: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """What is told of each field, by its id."""
    found: dict[str, dict[str, str]] = {}
    for name, values in given.fields.items():
        if name.startswith(prefix):
            known, _, part = name.removeprefix(prefix).rpartition(".")
            found.setdefault(known, {})[part] = values[0]
    yield from found.items()
