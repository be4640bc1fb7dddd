"""What Meta's errors mean for a message that was to be sent.

Source: Meta, Graph API, handling errors and rate limits; WhatsApp Cloud API, error codes; Messenger Platform,
common error codes.
"""

from http import HTTPStatus

from services.connectors.domain.exchange import Answer
from services.connectors.domain.sending import InDoubt, Later, Outcome
from services.connectors.reading.exchanges import by_status, pause, refused, said
from services.connectors.reading.inside import text_at

# The app, the account, the number or the page had too many: all of the channel has to wait.
_TOO_MANY = frozenset({"4", "17", "32", "613", "80002", "80006", "80007", "130429"})
# This one person had too many.
_TOO_MANY_TO_ONE = frozenset({"131056"})
# The vendor says of these itself that nothing went, and that one may try again.
_PASSING = frozenset({"2", "1200", "131000", "131016", "131057", "133004"})
_WINDOW = frozenset({"131047", "10:2018278", "10:2534022"})
_TOKEN = frozenset({"0", "190"})
# An invalid request, or an error of the vendor's own: then nobody knows how far it came. 2 is such an error
# of Messenger's, too, and WhatsApp's word for being overloaded: the status tells them apart.
_OPEN = frozenset({"1", "2"})
# Meta says of this one that the messages all were sent.
_SENT_NEVERTHELESS = "1:1357046"


def by_error(answer: Answer) -> Outcome:
    """The outcome of an answer that names no message."""
    document = said(answer)
    code, sub = text_at(document, "error", "code"), text_at(document, "error", "error_subcode")
    reason = text_at(document, "error", "error_data", "details") or text_at(document, "error", "message")
    if code in _TOO_MANY:
        return Later(pause(answer), reason, whole=True)
    if f"{code}:{sub}" == _SENT_NEVERTHELESS:
        return InDoubt(f"{reason} ({code}, {sub})")
    if code in _OPEN and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return by_status(answer, code, reason)
    if code in _TOO_MANY_TO_ONE or code in _PASSING:
        return Later(pause(answer), reason)
    if code in _WINDOW or f"{code}:{sub}" in _WINDOW:
        return refused("window_closed", f"{reason} ({code}): wait until they write")
    if code in _TOKEN:
        return refused(code, f"{reason}: set a token that is valid")
    # Any other error that has a code says that the message was not taken, whatever the status.
    return refused(code, reason or f"error {code}") if code else by_status(answer)
