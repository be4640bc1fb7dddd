"""Documents say what the code says: generated pages are current, and what is named exists."""

import re
from pathlib import Path

import pytest

from docs.generator import commands, definitions, environment
from docs.generator.pages import FOLDER, pages
from services.hub.definitions.parts import owners
from services.runtime.settings import Settings
from tests.architecture.source import ROOT

DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for folder in (".", "docs", "docs/adr", "docs/reference", "services/*", "services/connectors/catalog/*")
    for path in ROOT.glob(f"{folder}/*.md")
)
# Said by the environment of the command itself, not by a settings class.
OF_THE_COMMAND = {"LEADWIRE_URL", "LEADWIRE_TOKEN", "LEADWIRE_SECRETS"}
TEST_ONLY = {"LEADWIRE_TEST_ENGINES"}


def text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


# Knobs of docker-compose.yml, which have no settings class.
OF_COMPOSE = set(re.findall(r"^(LEADWIRE_[A-Z_]+)=", text(".env.example"), re.MULTILINE))


def test_generated_pages_are_what_the_code_says() -> None:
    wanted = pages()
    on_disk = {
        str(path.relative_to(FOLDER)): path.read_text("utf-8") for path in FOLDER.rglob("*") if path.is_file()
    }
    assert sorted(name for name in wanted.keys() | on_disk if wanted.get(name) != on_disk.get(name)) == [], (
        "run `make schemas` and commit"
    )


def test_the_definitions_reference_has_every_key_that_a_service_reads() -> None:
    models = definitions.models()
    read = {owner.service: owner.keys for owner in owners()}
    assert {service: frozenset(model.model_fields) for service, model in models.items()} == read


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path: str) -> None:
    broken = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(path))
        if "://" not in target and not (ROOT / path).parent.joinpath(target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_commands_and_targets_that_are_named_exist(path: str) -> None:
    known = {name.removeprefix("leadwire ") for name, _ in commands.leaves("leadwire", commands.root())}
    known |= {name.split()[0] for name in known}
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    quoted = "\n".join(re.findall(r"`[^`\n]+`|^```.*?^```", text(path), re.MULTILINE | re.DOTALL))
    named = re.findall(r"^ *`?(?:[./a-z]*/)?leadwire ([a-z]+(?: [a-z]+)?)", quoted, re.MULTILINE)
    assert [words for words in named if words not in known and words.split()[0] not in known] == []
    made = re.findall(r"^ *`?make ([a-z-]+)", quoted, re.MULTILINE)
    assert [word for word in made if word not in targets] == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_environment_variables_that_are_named_exist(path: str) -> None:
    classes: list[type[Settings]] = [Settings, *environment.own_settings()]
    fields = {name.upper() for one in classes for name in one.model_fields}
    services = {one.SERVICE.upper() for one in classes}
    named = (
        set(re.findall(r"\bLEADWIRE_[A-Z_]+[A-Z]\b", text(path))) - OF_THE_COMMAND - TEST_ONLY - OF_COMPOSE
    )
    assert sorted(name for name in named if not known(name.removeprefix("LEADWIRE_"), fields, services)) == []


def known(name: str, fields: set[str], services: set[str]) -> bool:
    name = name.removesuffix("_FILE") if name not in fields else name
    prefix, _, rest = name.partition("_")
    return name in fields or (prefix in services and rest in fields)


def test_every_document_is_found() -> None:
    assert {"README.md", "CONTRIBUTING.md", "docs/words.md"} <= set(DOCUMENTS)
    assert all(Path(path).suffix == ".md" for path in DOCUMENTS)
