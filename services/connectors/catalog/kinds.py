"""The catalogue of kinds: every folder in `catalog` that holds a manifest is one."""

import importlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from pydantic import ValidationError

from services.connectors.catalog.manifest import Manifest
from services.connectors.domain import Delivery, Parsed, Settings
from services.connectors.domain.fetching import FileDialect
from services.connectors.domain.sending import Dialect
from services.connectors.errors import ManifestError

CATALOG = Path(__file__).parent
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

Parser = Callable[[Delivery, Settings], Parsed]


@dataclass(frozen=True)
class Kind:
    """One kind of channel."""

    name: str
    manifest: Manifest
    folder: Path

    @cached_property
    def parse(self) -> Parser:
        """Its parser, imported when it is first wanted. Raises ManifestError."""
        try:
            module = importlib.import_module(f"services.connectors.catalog.{self.name}.parse")
            parser: Parser = module.parse
        except (ImportError, AttributeError) as error:
            raise ManifestError(f"{self.folder / 'parse.py'}: {error}") from error
        return parser

    @cached_property
    def dialect(self) -> Dialect:
        """How its messages are sent over HTTP, imported when it is first wanted. Raises ManifestError."""
        try:
            module = importlib.import_module(f"services.connectors.catalog.{self.name}.send")
            return Dialect(module.request, module.outcome)
        except (ImportError, AttributeError) as error:
            raise ManifestError(f"{self.folder / 'send.py'}: {error}") from error

    @cached_property
    def files(self) -> FileDialect | None:
        """How its files are asked for where an address alone does not do. Raises ManifestError."""
        if not (self.folder / "files.py").is_file():
            return None
        try:
            module = importlib.import_module(f"services.connectors.catalog.{self.name}.files")
            return FileDialect(module.request, getattr(module, "then", None))
        except (ImportError, AttributeError) as error:
            raise ManifestError(f"{self.folder / 'files.py'}: {error}") from error


def load_kind(folder: Path) -> Kind:
    """The kind in a folder. Raises ManifestError naming the file and what is wrong in it."""
    if not NAME.fullmatch(folder.name):
        raise ManifestError(f"{folder.name}: name the folder with a-z, 0-9 and _")
    path = folder / "manifest.toml"
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError, UnicodeDecodeError, OSError) as error:
        raise ManifestError(f"{path}: {error}") from error
    return Kind(folder.name, manifest, folder)


@cache
def _found() -> tuple[dict[str, Kind], dict[str, str]]:
    kinds: dict[str, Kind] = {}
    wrong: dict[str, str] = {}
    for folder in sorted(path.parent for path in CATALOG.glob("*/manifest.toml")):
        try:
            kinds[folder.name] = load_kind(folder)
        except ManifestError as error:
            wrong[folder.name] = str(error)
    return kinds, wrong


def catalogue() -> Mapping[str, Kind]:
    """Every kind by its name."""
    return _found()[0]


def broken() -> Mapping[str, str]:
    """Folders that are no kind because of their manifest, and what is wrong: one closes no other."""
    return _found()[1]
