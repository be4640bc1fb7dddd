"""Conditions of a query for just the filters that were given, so that each gets a plan of its own."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

Row = tuple[datetime, UUID]
"""Where a row stands in a list: its time, then its id."""


def where(filters: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The conditions and their values; in each condition `{0}` stands for its value.

    A filter of which the value is None was not given.
    """
    conditions, values = ["true"], list[Any]()
    for condition, value in filters.items():
        if value is not None:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    return " AND ".join(conditions), values


def behind(columns: str, sign: str, row: Row | None, values: list[Any]) -> str:
    """The condition for what comes behind a row in the list; its values are added."""
    if row is None:
        return "true"
    values += row
    return f"({columns}) {sign} (${len(values) - 1}, ${len(values)})"
