"""Forms of sites made with Tilda. Source: help-ru.tilda.cc, forms/webhook, and public handlers."""

from urllib.parse import parse_qsl, unquote

from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.reading.documents import FieldList
from services.connectors.reading.fieldmap import mapped_touch
from services.connectors.reading.forms import read_submission

# What Tilda's own blocks call their fields; a channel's mapping has precedence.
_USUAL = {
    "name": ("Name", "name"),
    "phone": ("Phone", "phone"),
    "email": ("Email", "email"),
    "text": ("Textarea", "Comments", "Message"),
    "id": ("tranid",),
}
_COOKIES = "COOKIES"
_CAMPAIGN = "TILDAUTM="


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """One submission, one touch. Raises Unreadable for a damaged body."""
    submission = read_submission(delivery)
    if submission is None:
        return rejected("unknown", "no form has this content type")
    if submission.empty:
        return ignored("empty", "nothing was filled in")
    filled = {name for name in submission.fields if submission.first(name)}
    if filled == {"test"} and submission.first("test") == "test":
        return ignored("test", "Tilda tries whether anybody answers")
    # Cookies of a visitor are nobody's business; the campaign in them is.
    cookies = submission.fields.pop(_COOKIES, [])
    submission.fields = {**_campaign(cookies), **submission.fields}
    touch = mapped_touch(submission, delivery, settings, medium="form", usual=_USUAL)
    return accepted("submission", touch)


def _campaign(cookies: list[str]) -> FieldList:
    """The tags that Tilda keeps in a cookie: pairs joined by three bars, percent-encoded once or twice."""
    pairs = [pair.strip() for text in cookies for pair in text.split(";")]
    told = next((pair.removeprefix(_CAMPAIGN) for pair in pairs if pair.startswith(_CAMPAIGN)), "")
    plain = unquote(told) if "=" not in told else told
    try:
        found = parse_qsl(plain.replace("|||", "&"), max_num_fields=100)
    except ValueError:  # too many of them: no campaign has so many
        return {}
    return {name: [value] for name, value in found if name.startswith("utm_")}
