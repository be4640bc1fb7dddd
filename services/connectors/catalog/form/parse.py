"""Any form on a site: urlencoded, multipart or JSON, understood by the channel's mapping alone."""

from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.documents import dotted
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import read_submission


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One submission, one touch. Raises Unreadable for a damaged body."""
    submission = read_submission(delivery)
    if submission is None:
        return rejected("unknown", "no form has this content type")
    honeypot = dotted(settings.text("honeypot"))
    if honeypot and submission.first(honeypot):
        return ignored("honeypot", "the field that people do not see was filled in")
    if submission.empty:
        return ignored("empty", "nothing was filled in")
    touch = mapped_touch(submission, delivery, settings, medium="form", skip=frozenset({honeypot}))
    return accepted("submission", touch)
