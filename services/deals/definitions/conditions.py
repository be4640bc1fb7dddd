"""CEL conditions: compiled once, checked against the fields that exist, asked without ever failing."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import cel
from prometheus_client import Counter

from services.deals.domain.deal import (
    Contact,
    Event,
    Lead,
    facts_of_contact,
    facts_of_deal,
    facts_of_event,
    facts_of_lead,
    new_deal,
)
from services.deals.domain.rules import View

FAILED = Counter(
    "leadwire_deals_conditions_failed_total", "Conditions that could not be answered.", ["error"]
)
ON_LEAD = frozenset({"lead", "contact", "now"})
ON_DEAL = ON_LEAD | {"deal"}
ON_EVENT = ON_DEAL | {"event"}

_NAMED = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches"),
        *("string", "int", "uint", "double", "bytes", "duration", "timestamp", "type", "dyn"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    }
)
_TYPES = frozenset({"int", "uint", "double", "string", "bool", "bytes", "list", "map", "type"})
_LITERAL = re.compile(r"""[rRbB]{0,2}('''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")""", re.S)
_KEYED = re.compile(r"""\[\s*(['"])(\w+)\1\s*\]""")
_MEMBER = re.compile(r"(?<![\w.])(lead|contact|deal|event)\s*\.\s*(\w+)")
_BINDS = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a condition, and what to do about it."""

    message: str
    remedy: str


class CelCondition:
    """A compiled condition. Raises ValueError when the source is not CEL."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.program = cel.compile(source)

    def holds(self, view: View) -> bool:
        """Whether it is true; a field that is missing or of another type makes it false."""
        try:
            if view.prepared is None:
                view.prepared = cel.Context(dict(view.facts))
            return self.program.execute(view.prepared) is True
        except KeyError:
            return False
        except Exception as error:
            FAILED.labels(type(error).__name__).inc()
            return False


@lru_cache(maxsize=4096)
def condition(source: str) -> CelCondition:
    """The compiled condition; the same source is compiled once. Raises ValueError."""
    return CelCondition(source)


def mistakes(source: str, roots: Collection[str]) -> Iterator[Mistake]:
    """What is wrong with a condition that may use these variables."""
    try:
        program = condition(source).program
    except ValueError as error:
        reason = str(error).splitlines()[0].split("ERROR: <input>:")[-1]
        yield Mistake(f"not a CEL condition, at {reason}", "Correct the expression.")
        return
    found = [
        *_unknown_variables(source, program, roots),
        *_unknown_members(source),
        *_unknown_functions(program),
    ]
    yield from found or _wrong_types(program, roots)


def _bare(source: str) -> str:
    """The source without texts, so that words inside them are not taken for names."""
    return _LITERAL.sub("''", _KEYED.sub(r".\2", source))


def _unknown_variables(source: str, program: "cel.Program", roots: Collection[str]) -> Iterator[Mistake]:
    bound = set(_BINDS.findall(_bare(source)))
    for name in program.variables():
        if name not in roots and name not in bound and name not in _TYPES:
            yield Mistake(f"{name!r} is not known here", f"Use {', '.join(sorted(roots))}.")


def _unknown_members(source: str) -> Iterator[Mistake]:
    for root, member in dict.fromkeys(_MEMBER.findall(_bare(source))):
        known = SAMPLE[root]
        if member not in known:
            near = difflib.get_close_matches(member, known, n=1)
            guess = f"Did you mean {root}.{near[0]}? " if near else ""
            yield Mistake(f"{root} has no field {member!r}", f"{guess}It has: {', '.join(sorted(known))}.")


def _unknown_functions(program: "cel.Program") -> Iterator[Mistake]:
    for name in program.functions():
        if name not in _NAMED and name[0] not in "_!@-":
            near = difflib.get_close_matches(name, _NAMED, n=1)
            guess = f"Did you mean {near[0]}()? " if near else ""
            yield Mistake(f"there is no function {name}()", f"{guess}Use {', '.join(sorted(_NAMED))}.")


def _wrong_types(program: "cel.Program", roots: Collection[str]) -> Iterator[Mistake]:
    """Ask it about a sample; what a sample cannot answer is left to the day itself."""
    try:
        answer = program.execute({root: SAMPLE[root] for root in roots})
    except TypeError:
        yield Mistake(
            "compares or combines values of different types",
            "Compare text with text in quotes and numbers with numbers; see lead.score > 10.",
        )
    except RuntimeError as error:
        yield Mistake(str(error).splitlines()[0], "Correct the expression.")
    except Exception:
        return
    else:
        if not isinstance(answer, bool):
            yield Mistake("is not a question with the answer true or false", "Compare with a value.")


def _sample() -> Mapping[str, Any]:
    when, nobody = datetime(2025, 1, 1, tzinfo=UTC), UUID(int=0)
    lead = Lead(nobody, nobody, "site", "form", "Enquiry", 1, "anna", {}, when)
    deal = new_deal(nobody, lead, nobody, "funnel", "stage", None, "", when)
    return {
        "lead": facts_of_lead(lead),
        "contact": facts_of_contact(Contact(nobody)),
        "deal": facts_of_deal(deal),
        "event": facts_of_event(Event("replied")),
        "now": when,
    }


SAMPLE = _sample()
