"""Write every generated page."""

from docs.generator.pages import FOLDER, pages

FOLDER.mkdir(exist_ok=True)
for path, text in pages().items():
    (FOLDER / path).write_text(text, "utf-8")
