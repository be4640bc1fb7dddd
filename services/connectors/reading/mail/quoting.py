"""The part of a mail that its author wrote, without what he replied to."""

import re

_WROTE = (
    r"wrote|schrieb|a écrit|escribió|ha scritto|escreveu|skrev|schreef|napisał\(?a?\)?"
    r"|пишет|писал\(?а?\)?|написал\(?а?\)?"
)
_ATTRIBUTION = re.compile(rf"(.{{1,300}}\b({_WROTE})\s*:?|.{{0,300}}<[^<>\s]+@[^<>\s]+>\s*:)", re.I)
_ORIGINAL = re.compile(
    r"-{2,}\s*(original message|original appointment|исходное сообщение|ursprüngliche nachricht"
    r"|message d'origine|mensaje original|messaggio originale)\s*-{2,}",
    re.I,
)
_FROM = re.compile(r"\*?(from|от|von|de|da|van|fra)\s?:\*?\s.*", re.I)
_OTHER = re.compile(
    r"\*?(sent|date|to|subject|отправлено|дата|кому|тема|gesendet|datum|an|betreff|envoyé|objet|à"
    r"|enviado|fecha|para|asunto|inviato|oggetto)\s?:\*?\s?.*",
    re.I,
)
_FORWARDED = re.compile(r"\s*(fwd?|wg|пересл|tr|rv|i)\s*:", re.I)


def without_quotes(text: str, subject: str = "") -> str:
    """What the author wrote. A forwarded mail stays whole; if all is quotation, so does that."""
    if _FORWARDED.match(subject):
        return text.strip()
    lines = text.splitlines()
    kept = _own_lines(lines[: _cut(lines)])
    return "\n".join(kept).strip() or text.strip()


def _cut(lines: list[str]) -> int:
    """Where a quoted mail begins that carries no marks."""
    for place, line in enumerate(lines):
        stripped = line.strip()
        if _ORIGINAL.fullmatch(stripped):
            return place
        following = [other.strip() for other in lines[place + 1 : place + 5]]
        if _FROM.fullmatch(stripped) and sum(map(bool, map(_OTHER.fullmatch, following))) >= 2:
            ruled = place > 0 and re.fullmatch(r"[_-]{5,}", lines[place - 1].strip())
            return place - 1 if ruled else place
    return len(lines)


def _own_lines(lines: list[str]) -> list[str]:
    """Lines without a mark, and without the sentence that introduces marked ones."""
    kept: list[str] = []
    for line in lines:
        if not line.lstrip().startswith(">"):
            kept.append(line.rstrip())
            continue
        while kept and not kept[-1]:
            kept.pop()
        _drop_attribution(kept)
    return kept


def _drop_attribution(kept: list[str]) -> None:
    """The introduction may be wrapped over two lines."""
    for length in (1, 2):
        if len(kept) >= length and _ATTRIBUTION.fullmatch(" ".join(kept[-length:]).strip()):
            del kept[-length:]
            return
