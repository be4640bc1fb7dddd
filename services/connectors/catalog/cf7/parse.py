"""Contact Form 7 with the plugin CF7 to Webhook. Source: github.com/mariovalney/cf7-to-zapier, modules."""

import base64

from contracts.interactions import Attachment
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.attached import UNKNOWN, carried
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import Submission, read_submission, urlencoded

# The names of the default form; a channel's mapping has precedence.
_USUAL = {
    "name": ("your-name", "name"),
    "phone": ("your-phone", "your-tel", "tel", "phone"),
    "email": ("your-email", "email"),
    "title": ("your-subject",),
    "text": ("your-message", "message"),
}
# The plugin copies uploads into this folder of the site and sends their addresses.
_UPLOADS = "/cf7-to-webhook-uploads/"


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One submission, one touch. Raises Unreadable for a damaged body."""
    submission = _submission(delivery)
    if submission is None:
        return rejected("unknown", "the body is neither JSON nor a form: is there a template without braces?")
    _move_files(submission)
    if submission.empty:
        return ignored("empty", "nothing was filled in")
    touch = mapped_touch(submission, delivery, settings, medium="form", usual=_USUAL)
    return accepted("submission", touch)


def _submission(delivery: Delivery) -> Submission | None:
    if delivery.method == "GET":
        return Submission(fields=urlencoded(delivery.query.encode("utf-8", "replace")))
    return read_submission(delivery)


def _decoded(content: str) -> bytes:
    """The bytes of an upload; none where that is no base64."""
    try:
        return base64.b64decode(content)
    except ValueError:
        return b""


def _move_files(submission: Submission) -> None:
    """Uploads come as addresses, or as pairs of `filename` and `content` in base64."""
    fields = submission.fields
    for name in [name for name in fields if name.endswith(".content")]:
        if shown := fields.pop(f"{name.removesuffix('.content')}.filename", []):
            [content, *_] = submission.fields.pop(name)
            submission.files.append(carried(shown[0] or "file", UNKNOWN, _decoded(content)))
            submission.digests.append(content)
    for name, values in fields.items():
        links = [value for value in values if _UPLOADS in value]
        fields[name] = [value for value in values if value not in links]
        submission.files += [Attachment(name=link.rpartition("/")[2], reference=link) for link in links]
