"""The example with ten different mistakes in it, and where each must be found."""

import shutil
from pathlib import Path

from services.hub.settings import EXAMPLE

# file, what stands there, what is put there instead, words of the message, words of the remedy
MISTAKES = (
    ("channels.yaml", "    kind: form\n", "    kind: from\n", 'no kind "from"', 'Did you mean "form"'),
    ("channels.yaml", "secret: ${TELEGRAM_SECRET}", "secret: s3cret", "must not stand here", "${NAME}"),
    ("channels.yaml", "medium: form", "medium: fax", "none of the choices", "form"),
    ("contacts.yaml", "\nscoring:\n", "\nscorings:\n", "scorings", 'Did you mean "scoring"'),
    ("contacts.yaml", "to: [anna]", "to: [ana]", "ana", "anna"),
    ("funnels.yaml", "sequence: welcome", "sequence: welcom", 'no sequence "welcom"', '"welcome"'),
    ("funnels.yaml", "to: talking", "to: talkin", '"talkin"', "talking"),
    ("funnels.yaml", "due_in: 4h\n              assignee", "due_in: 4x\n              assignee", "4x", "4h"),
    ("sequences.yaml", "template: welcome-hello", "template: welcome-helo", "welcome-helo", "welcome-hello"),
    (
        "templates/welcome-courses.liquid",
        "{{ sender.name }}",
        "{{ sender.nam }}",
        "sender.nam",
        "sender.name",
    ),
)


def make(folder: Path) -> list[tuple[str, int]]:
    """Copy the example with all mistakes; file and line of each, in their order."""
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    for file, right, wrong, *_ in MISTAKES:
        text = (folder / file).read_text()
        assert right in text, f"{file} no longer has {right!r}"
        (folder / file).write_text(text.replace(right, wrong, 1))
    return [(file, line_of((folder / file).read_text(), wrong)) for file, _, wrong, *_ in MISTAKES]


def line_of(text: str, part: str) -> int:
    """The line on which `part` begins, blank lines at its head left out."""
    start = text.index(part) + len(part) - len(part.lstrip("\n"))
    return text.count("\n", 0, start) + 1
