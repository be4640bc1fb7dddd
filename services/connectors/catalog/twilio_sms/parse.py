"""Incoming messages and status callbacks of Twilio Messaging. Source: twilio.com/docs/messaging."""

from contracts.interactions import Attachment, Identity
from services.connectors.domain import Delivery, Parsed, Settings, accepted, ignored, rejected
from services.connectors.domain.parsed import Receipt, ReceiptStatus, Touch
from services.connectors.errors import Unreadable
from services.connectors.reading.attached import attached
from services.connectors.reading.forms import Submission, urlencoded
from services.connectors.reading.phones import phone_identity

_RECEIPTS: dict[str, ReceiptStatus] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "failed",
    "failed": "failed",
}
_ON_THE_WAY = ("accepted", "scheduled", "queued", "sending", "canceled", "partially_delivered")
_COMES_IN = ("", "received", "receiving")
_SIDS = ("MessageSid", "SmsMessageSid", "SmsSid")
_MOST_FILES = 20
# Told beside the text; place names are guesses of Twilio by the number.
_TOLD = (
    "To",
    "FromCountry",
    "FromState",
    "FromCity",
    "FromZip",
    "OptOutType",
    "ButtonText",
    "ButtonPayload",
    "ListId",
    "ListTitle",
    "Latitude",
    "Longitude",
    "Address",
    "Label",
    "Forwarded",
    "ReferralSourceUrl",
    "ReferralHeadline",
    "ReferralBody",
    "ReferralSourceId",
    "ReferralCtwaClid",
)


def parse(delivery: Delivery, settings: Settings) -> Parsed:
    """A message that came in is a touch, what became of ours a receipt. Raises Unreadable."""
    form = Submission(fields=urlencoded(delivery.body, "utf-8"))
    known = next((sid for name in _SIDS if (sid := form.first(name))), "")
    if not known:
        raise Unreadable("it is about no message: MessageSid is missing")
    status = (form.first("MessageStatus") or form.first("SmsStatus")).lower()
    if status in _COMES_IN:
        return _message(form, known, delivery)
    if status in _ON_THE_WAY:
        return ignored(status, "our message is on its way or was called off")
    if status not in _RECEIPTS:
        return rejected("unknown", "it is not known what this status means")
    receipt = Receipt(
        status=_RECEIPTS[status],
        external_id=known,
        address=_split(form.first("To"))[1],
        code=form.first("ErrorCode"),
        reason=form.first("ErrorMessage") or form.first("ChannelStatusMessage"),
    )
    return accepted(status, receipt)


def _message(form: Submission, known: str, delivery: Delivery) -> Parsed:
    files, text = _files(form), form.first("Body")
    told = {name: value for name in _TOLD if (value := form.first(name))}
    if not (text or files or form.first("Latitude") or form.first("ButtonPayload")):
        return ignored("empty", "the message holds nothing")
    sender = form.first("From")
    carrier, address = _split(sender)
    identities = _identities(form, carrier, address)
    # Those who hide their number all have the same one: they are no one conversation.
    hidden = not address or (address.startswith("+") and not identities)
    touch = Touch(
        medium="chat" if carrier else "sms",
        conversation=f"twilio_sms:{delivery.channel}:{known if hidden else sender}",
        external_id=known,
        identities=identities,
        name=form.first("ProfileName"),
        text=text,
        fields=told,
        attachments=files,
        in_reply_to=[sid for sid in [form.first("OriginalRepliedMessageSid")] if sid],
    )
    return accepted("message", touch)


def _identities(form: Submission, carrier: str, address: str) -> list[Identity]:
    """The number; through Messenger, or WhatsApp without a number, the id of the person there."""
    if carrier == "messenger":
        return [Identity(kind="messenger", value=address[:320])] if address else []
    scoped = form.first("WaId") if carrier == "whatsapp" else ""
    return phone_identity(address) or ([Identity(kind="whatsapp", value=scoped[:320])] if scoped else [])


def _split(address: str) -> tuple[str, str]:
    """`whatsapp:+1...` into carrier and address; plain numbers have no carrier."""
    carrier, colon, rest = address.partition(":")
    return (carrier.lower(), rest.strip()) if colon else ("", address)


def _files(form: Submission) -> list[Attachment]:
    """Media by the addresses where they are fetched with the account's credentials."""
    found: list[Attachment] = []
    for place in range(_MOST_FILES):
        kind = form.first(f"MediaContentType{place}")
        sort = next((one for one in ("image", "audio", "video") if kind.startswith(f"{one}/")), "")
        found += attached(sort, form.first(f"MediaUrl{place}"), content_type=kind)
    return found
