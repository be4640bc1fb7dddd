"""Write every generated page."""

from docs.generator import kinds
from docs.generator.pages import FOLDER, pages

for path, text in pages().items():
    (FOLDER / path).parent.mkdir(parents=True, exist_ok=True)
    (FOLDER / path).write_text(text, "utf-8")
kinds.PAGE.write_text(kinds.inserted(kinds.PAGE.read_text("utf-8")), "utf-8")
