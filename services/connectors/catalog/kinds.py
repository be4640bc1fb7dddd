"""The catalogue of kinds: every folder in `catalog` that holds a manifest is one."""

import importlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from contracts.interactions import Medium
from services.connectors.domain import Delivery, Parsed, Settings
from services.connectors.errors import ManifestError
from services.connectors.verify import SCHEMES

CATALOG = Path(__file__).parent
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")

Parser = Callable[[Delivery, Settings], Parsed]
Transport = Literal["webhook", "smtp", "ingress"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Verification(_Strict):
    """How a delivery proves where it comes from: a stock scheme and what it needs to know."""

    scheme: str
    header: str = Field(default="", description="Request header that the scheme reads, lower case.")
    secret: str = Field(default="", description="The setting that holds the secret.")
    why: str = Field(default="", description="Why nothing is proved, for the scheme `none`.")

    @model_validator(mode="after")
    def _complete(self) -> "Verification":
        if self.scheme not in SCHEMES:
            raise ValueError(f"scheme must be one of {', '.join(sorted(SCHEMES))}")
        if self.scheme == "none" and not self.why:
            raise ValueError("the scheme none needs `why`")
        return self


class Owed(_Strict):
    """What the vendor gets for a delivery that is safe. `browser`: a page, a redirect or JSON."""

    style: Literal["plain", "browser"] = "plain"
    status: int = Field(default=200, ge=200, le=399)
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"


class Setting(_Strict):
    """One setting of a channel of this kind."""

    type: Literal["text", "texts", "origins", "flag", "choice", "secret"]
    description: str
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()


class Manifest(_Strict):
    """What a kind declares about itself, beside its code."""

    title: str
    transport: Transport
    medium: Medium
    verification: Verification
    answer: Owed = Owed()
    methods: tuple[str, ...] = ("POST",)
    headers: tuple[str, ...] = Field(
        default=(), description="Request headers kept beside the body, lower case."
    )
    example_type: str = Field(description="Content type of a bare body, for trying out.")
    mapping: bool = Field(default=False, description="Whether channels may map fields.")
    events: dict[str, Literal["accepted", "ignored"]] = Field(min_length=1)
    settings: dict[str, Setting] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of channel."""

    name: str
    manifest: Manifest
    parse: Parser
    folder: Path


def load_kind(folder: Path) -> Kind:
    """The kind in a folder. Raises ManifestError naming the file and what is wrong in it."""
    if not NAME.fullmatch(folder.name):
        raise ManifestError(f"{folder.name}: name the folder with a-z, 0-9 and _")
    path = folder / "manifest.toml"
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValidationError, OSError) as error:
        raise ManifestError(f"{path}: {error}") from error
    module = importlib.import_module(f"services.connectors.catalog.{folder.name}.parse")
    return Kind(folder.name, manifest, module.parse, folder)


@cache
def catalogue() -> Mapping[str, Kind]:
    """Every kind by its name."""
    folders = sorted(path.parent for path in CATALOG.glob("*/manifest.toml"))
    return {folder.name: load_kind(folder) for folder in folders}
