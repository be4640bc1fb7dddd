"""Files as messengers tell of them: a sort, perhaps a name, and by what to fetch the bytes."""

from contracts.interactions import Attachment

_UNKNOWN = "application/octet-stream"
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


def attached(
    sort: str, reference: str, *, name: str = "", content_type: str = "", size: int = 0
) -> list[Attachment]:
    """The file, as a list of one; nothing if there is no `reference` to fetch it by.

    `sort` is the messenger's word, such as image: name and content type follow from it where they
    are not told. Parameters of the content type are cut off.
    """
    if not reference.strip():
        return []
    kind = content_type.partition(";")[0].strip() or _SORTS.get(sort, ("", _UNKNOWN))[1]
    shown = name.strip() or f"{sort or 'file'}.{_ENDINGS.get(kind, '')}".rstrip(".")
    return [Attachment(name=shown, content_type=kind, size=max(0, size), reference=reference)]
