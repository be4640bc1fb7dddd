"""What a file is by its first bytes, whatever its sender says; and what may be shown in a browser."""

import mimetypes
import re

UNKNOWN = "application/octet-stream"
# What browsers show without running anything in it.
_SHOWN = re.compile(r"image/(png|jpeg|gif|webp|bmp)|audio/[a-z0-9.+-]+|video/[a-z0-9.+-]+|application/ogg")
_MARKUP = re.compile(rb"<(!doctype|html|head|body|script|svg|iframe|\?xml|!--)", re.IGNORECASE)
_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+")
_PREFERRED = {"audio/mpeg": ".mp3", "audio/wave": ".wav", "audio/ogg": ".ogg", "image/jpeg": ".jpg"}
# Several names for one thing, and one beginning of many things.
_USUAL = {"audio/x-wav": "audio/wave", "audio/vnd.wave": "audio/wave", "application/ogg": "audio/ogg"}
_WRITTEN = {b"%PDF-": "application/pdf", b"{\\rtf": "application/rtf", b"%!PS": "application/postscript"}
_PACKED = b"PK\x03\x04"
_OFFICE = re.compile(r"application/(vnd\.openxmlformats|vnd\.oasis\.opendocument|epub|zip|java)")


def content_type_of(head: bytes, claimed: str | None = None) -> str:
    """The content type that the first bytes of a file show.

    What is told by no magic number is text or unknown. `claimed` decides only among documents that are
    all packed alike, and what sort of plain text it is never.
    """
    if not head:
        return UNKNOWN
    if head.startswith(_PACKED):
        return claimed if claimed and _OFFICE.match(claimed) else "application/zip"
    if head[:2] == b"MZ" or head.startswith(b"\x7fELF"):
        return "application/x-executable"
    if _MARKUP.match(head.lstrip(b"\xef\xbb\xbf \t\r\n")):
        return "image/svg+xml" if b"<svg" in head.lower() else "text/html"
    if _is_text(head):  # its letters may pass for the magic number of something else
        return next((kind for mark, kind in _WRITTEN.items() if head.startswith(mark)), "text/plain")
    import puremagic  # its tables take 2 MB, and many hubs never fetch a file

    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return UNKNOWN
    named = next((match.mime_type for match in found if _TYPE.fullmatch(match.mime_type)), UNKNOWN)
    return _USUAL.get(named, named)


def _is_text(head: bytes) -> bool:
    """Whether it reads as UTF-8 without control characters; the last character may be cut."""
    try:
        text = head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode()
    return not any(char < " " and char not in "\t\r\n\f" for char in text)


def may_be_shown(content_type: str) -> bool:
    """Whether a browser may show it in place; the rest is only ever saved."""
    return bool(_SHOWN.fullmatch(content_type))


def named(name: str, content_type: str) -> str:
    """The name, with the usual ending of its type where it has none."""
    if "." in name or content_type == UNKNOWN:
        return name
    return name + (_PREFERRED.get(content_type) or mimetypes.guess_extension(content_type) or "")
