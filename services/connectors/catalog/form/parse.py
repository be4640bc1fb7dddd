"""Any form on a site: urlencoded, multipart or JSON, understood by the channel's mapping alone."""

from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import read_submission


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One submission, one touch. Raises Unreadable for a damaged body."""
    submission = read_submission(delivery)
    if submission is None:
        return rejected("unknown", "no form has this content type")
    if submission.empty:
        return ignored("empty", "nothing was filled in")
    return accepted("submission", mapped_touch(submission, delivery, settings, medium="form"))
