"""HTML mail to plain text; quotations keep the mark they have in plain mail."""

import re
from html.parser import HTMLParser

_SILENT = frozenset({"style", "script", "title", "head", "template"})
_BREAKS = frozenset({"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "hr"})
_TAG = re.compile(r"<[^<>]*>")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = [""]
        self._silent = 0
        self._quotes = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if tag in _BREAKS or tag == "blockquote":
            self._break()
        self._quotes += tag == "blockquote"

    def handle_endtag(self, tag: str) -> None:
        # Nothing visible stands in a head, so a body always ends its silence.
        if tag in _SILENT and self._silent:
            self._silent -= 1
        if tag in _BREAKS or tag == "blockquote":
            self._break()
        if tag == "blockquote":
            self._quotes = max(0, self._quotes - 1)

    def handle_data(self, data: str) -> None:
        if not self._silent and (words := " ".join(data.split())):
            mark = "> " * min(self._quotes, 5) if not self.lines[-1] else ""
            space = " " if self.lines[-1] and data[:1].isspace() else ""
            self.lines[-1] += mark + space + words + (" " if data[-1:].isspace() else "")

    def _break(self) -> None:
        if self.lines[-1]:
            self.lines.append("")


def text_of_html(markup: str) -> str:
    """The words a reader would see, line by line."""
    reader = _Text()
    try:
        reader.feed(markup)
        reader.close()
    except (AssertionError, RecursionError, ValueError):  # the library's answer to some broken markup
        return " ".join(_TAG.sub(" ", markup).split())
    return "\n".join(" ".join(line.split()) for line in reader.lines).strip()
