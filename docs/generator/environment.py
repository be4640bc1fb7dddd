"""The environment reference, from the settings classes."""

import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

import services
from docs.generator.tables import code, kind_of, shown, table
from services.runtime.settings import PREFIX, Settings

ABOUT = f"""# Environment

Every setting is an environment variable with the prefix `{PREFIX}`. With the name of a service after the
prefix it holds for that service alone: `{PREFIX}LEADS_DATABASE_URL` before `{PREFIX}DATABASE_URL`.
A secret may come from a file instead: `{PREFIX}DATABASE_URL_FILE` names it. An empty value counts as none.
"""
ROOT = Path(__file__).parents[2]
HEAD = ("Variable", "Value", "Default", "Meaning")


def page() -> str:
    """All settings: those that every program has first."""
    text = ABOUT + "\n## Every service\n\n" + table(HEAD, rows(Settings, ()))
    for settings in own_settings():
        if more := list(rows(settings, Settings.model_fields)):
            name = settings.SERVICE or settings.__module__.split(".")[1]
            text += f"\n## {name}\n\n" + table(HEAD, more)
    return text


def own_settings() -> list[type[Settings]]:
    """The settings class of every service, by module."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if module.name.endswith(".settings") and module.name.count(".") == 2:
            importlib.import_module(module.name)
    # Others are made from these for a purpose, and are there only once their module is loaded.
    found = (each for each in descendants(Settings) if each.__module__.endswith(".settings"))
    return sorted(found, key=lambda settings: settings.__module__)


def descendants(settings: type[Settings]) -> Iterable[type[Settings]]:
    """Classes below this one that ship."""
    for below in settings.__subclasses__():
        if below.__module__.startswith("services."):
            yield below
        yield from descendants(below)


def rows(settings: type[Settings], known: Iterable[str]) -> Iterable[tuple[str, str, str, str]]:
    """One row for each field that is not known yet."""
    schema = settings.model_json_schema()
    for name, field in schema["properties"].items():
        if name not in known:
            meaning = field.get("description", "")
            yield code(PREFIX + name.upper()), kind_of(field), default_of(settings, name), meaning


def default_of(settings: type[Settings], name: str) -> str:
    """What holds when nothing is set; the default of a secret is none."""
    default = settings.model_fields[name].get_default(call_default_factory=True)
    if isinstance(default, SecretStr):
        return code(default.get_secret_value())
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        return code(str(default.relative_to(ROOT)))
    return "" if default is PydanticUndefined else shown(default)
