"""WPForms with its Webhooks add-on. Source: class Process of the add-on."""

import re

from contracts.interactions import Attachment
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import Submission, read_submission

# The parameters that the set-up asks for; a channel's mapping has precedence.
_USUAL = {"text": ("message", "text"), "id": ("entry_id",), "title": ("subject",)}
# The add-on writes a field with several lines or choices with these in between.
_BETWEEN = "||"
_UPLOADED = re.compile(r"https?://[^\s|]+/uploads/wpforms/[^\s|]+")


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One submission, one touch. Raises Unreadable for a damaged body."""
    submission = read_submission(delivery)
    if submission is None:
        return rejected("unknown", "no form has this content type")
    _tidy(submission)
    if submission.empty:
        return ignored("empty", "nothing was filled in")
    touch = mapped_touch(submission, delivery, settings, medium="form", usual=_USUAL)
    return accepted("submission", touch)


def _tidy(submission: Submission) -> None:
    """Splits choices and takes uploads out."""
    for name, values in submission.fields.items():
        apart = [part for value in values for part in value.split(_BETWEEN)]
        links = [part for part in apart if _UPLOADED.fullmatch(part.strip())]
        submission.fields[name] = [part for part in apart if part not in links]
        submission.files += [
            Attachment(name=link.strip().rpartition("/")[2], reference=link.strip()) for link in links
        ]
