from docs.generator import kinds
from services.connectors.catalog.kinds import catalogue


def test_the_table_of_kinds_says_what_the_folders_say() -> None:
    page = kinds.PAGE.read_text("utf-8")
    assert kinds.inserted(page) == page, "run `make schemas` and commit"
    assert all(f"`{name}`" in page for name in catalogue())
