"""Columns of JSON for `unnest`."""

from collections.abc import Iterable
from typing import Any

import orjson


def json_column(values: Iterable[Any]) -> list[str]:
    """Each value as JSON text: the driver would take lists inside an array for its dimensions."""
    return [orjson.dumps(value).decode() for value in values]
