"""Which service owns which top-level key, and each service's own judgement of its part."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from services.hub.topology import SERVICES
from services.runtime.definitions import Reference

Part = dict[str, Any]


@dataclass(frozen=True)
class Owner:
    """A service's word on its part of the definitions."""

    service: str
    keys: frozenset[str]
    compile: Callable[[Part], object]
    references: Callable[[Part], list[Reference]]
    names: Callable[[Part], Mapping[str, set[str]]]


@cache
def owners() -> tuple[Owner, ...]:
    """Every service that owns a part. Imports them: not for a command that only speaks HTTP."""
    found = []
    for service in SERVICES:
        room = importlib.import_module(f"services.{service}.definitions")
        found.append(Owner(service, room.KEYS, room.compile, room.references, room.names))
    return tuple(found)


def split(data: Mapping[str, Any]) -> dict[str, Part]:
    """The part of each service; an empty one where nothing of it is defined."""
    return {
        owner.service: {key: data[key] for key in sorted(owner.keys) if key in data} for owner in owners()
    }
