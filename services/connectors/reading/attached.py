"""Files in deliveries: those whose bytes came along, and those that messengers only tell of."""

from pydantic import Field

from contracts.interactions import Attachment

UNKNOWN = "application/octet-stream"
# What a messenger calls the sort of a file, and what the file mostly is when nothing more is said.
_SORTS = {
    "image": ("jpg", "image/jpeg"),
    "photo": ("jpg", "image/jpeg"),
    "picture": ("jpg", "image/jpeg"),
    "video": ("mp4", "video/mp4"),
    "audio": ("mp3", "audio/mpeg"),
    "voice": ("ogg", "audio/ogg"),
    "sticker": ("webp", "image/webp"),
}
_ENDINGS = {kind: ending for ending, kind in _SORTS.values()}


class Carried(Attachment):
    """A file whose bytes are in the delivery: for whoever parses it to fetch them, never published."""

    data: bytes = Field(default=b"", exclude=True, repr=False)


def carried(name: str, content_type: str, data: bytes) -> Carried:
    """The file, with its size."""
    return Carried(name=name, content_type=content_type, size=len(data), data=data)


def attached(
    sort: str, reference: str, *, name: str = "", content_type: str = "", size: int = 0
) -> list[Attachment]:
    """The file, as a list of one; nothing if there is no `reference` to fetch it by.

    `sort` is the messenger's word, such as image: name and content type follow from it where they
    are not told. Parameters of the content type are cut off.
    """
    if not reference.strip():
        return []
    kind = content_type.partition(";")[0].strip() or _SORTS.get(sort, ("", UNKNOWN))[1]
    shown = name.strip() or f"{sort or 'file'}.{_ENDINGS.get(kind, '')}".rstrip(".")
    return [Attachment(name=shown, content_type=kind, size=max(0, size), reference=reference)]
