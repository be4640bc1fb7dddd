"""Every alarm rests on a metric that there is, and on a page that says what to do."""

import re
import shutil
import subprocess
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from docs.generator import metrics
from services.runtime import telemetry
from tests.architecture.source import ROOT

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"
CASES = ROOT / "tests" / "architecture" / "alarms_test.yml"
PAGE = ROOT / "docs" / "alarms.md"
# Made by Prometheus itself for whatever it scrapes.
OF_PROMETHEUS = {"up": {"job", "instance"}}
# Put on everything that is scraped.
ALWAYS = {"instance", "job"}
_NAME = re.compile(r"\b(leadwire_\w+|up)\b(?:\{([^}]*)\})?")
_GROWTH = re.compile(r"\b(?:increase|i?rate|i?delta|changes)\(((\w+)_total(\{[^}]*\})?)\[(\d+)([smhd])\]\)")
_SINGLE = re.compile(r"> *(?:bool *)?0(?![.\d])|>= *(?:bool *)?1(?![.\d])|!= *(?:bool *)?0(?![.\d])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return list(chain.from_iterable(group["rules"] for group in groups))


def labels_by_metric() -> dict[str, set[str]]:
    """What can be asked for: each name as Prometheus stores it, and its labels."""
    metrics.load()
    known = {name: set(labels) for name, labels in OF_PROMETHEUS.items()}
    for name, collector in REGISTRY._names_to_collectors.items():
        buckets = {"le"} if name.endswith("_bucket") else set()
        known[name] = set(getattr(collector, "_labelnames", ())) | buckets
    return known


def deaf_to_the_first(expr: str) -> list[str]:
    """The counters whose growth rings at a single event, but not at the first of their series."""
    if not _SINGLE.search(expr):
        return []
    flat = " ".join(expr.split())
    return [
        found[1]
        for found in _GROWTH.finditer(flat)
        if not flat[: found.start()].endswith(_first_half(found)) or not found[0].startswith("increase(")
    ]


def _first_half(growth: re.Match[str]) -> str:
    """What must stand before it: see the head of the rules."""
    counted, name, chosen, number, unit = growth.groups(default="")
    began, window = f"{name}_created{chosen}", f"[{number}{unit}]"
    seconds = int(number) * _SECONDS[unit]
    return (
        f"( last_over_time({counted}{window}) > 0"
        f" and last_over_time({began}{window}) > time() - {seconds} or "
    )


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alarm_asks_for_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    known = labels_by_metric()
    asked = _NAME.findall(rule["expr"])
    assert asked, "it asks for nothing of ours"
    assert [name for name, _ in asked if name not in known] == []
    chosen = {(name, label) for name, given in asked for label in re.findall(r"(\w+)=", given)}
    assert [pair for pair in chosen if pair[1] not in known[pair[0]] | ALWAYS] == []
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
    shown = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert grouped | shown <= set.union(*(known[name] for name, _ in asked)) | ALWAYS
    assert not grouped or shown <= grouped, "a label that the expression drops cannot be shown"


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_what_rings_at_a_single_event_rings_at_the_first(rule: dict[str, Any]) -> None:
    assert deaf_to_the_first(rule["expr"]) == [], "write it as the head of alerts.yml says"
    alone = _SINGLE.search(rule["expr"]) and _GROWTH.search(rule["expr"])
    assert not alone or rule["alert"] in CASES.read_text("utf-8"), "alarms_test.yml does not try it"


HALF = "last_over_time(x_total[5m]) > 0 and last_over_time(x_created[5m]) > time() - 300 or "


@pytest.mark.parametrize(
    ("expr", "deaf"),
    [
        ("sum(increase(x_total[5m])) > 0", ["x_total"]),
        ('sum by (a) (rate(x_total{a="b"}[1h])) != 0', ['x_total{a="b"}']),
        ("sum(increase(x_total[5m])) >= 1 unless sum(up) > 0", ["x_total"]),
        (f"sum( {HALF}increase(x_total[5m]) ) > 0", []),
        (f"sum( {HALF}rate(x_total[5m]) ) > 0", ["x_total"]),
        (f"sum( {HALF}increase(x_total[10m]) ) > 0", ["x_total"]),
        (f"sum( {HALF}increase(y_total[5m]) ) > 0", ["y_total"]),
        ("sum(increase(x_total[5m])) > 5 and sum(rate(x_total[5m])) > 0.05", []),
        ("max(x) > 0", []),
    ],
)
def test_an_alarm_that_is_deaf_to_the_first_event_is_found(expr: str, deaf: list[str]) -> None:
    assert deaf_to_the_first(expr) == deaf


def test_a_counter_says_since_when_it_counts() -> None:
    assert re.search(r"(?m)^leadwire_bus_reconnects_created \d", telemetry.metrics_text().decode())


def test_values_of_labels_are_ones_the_code_gives() -> None:
    code = "\n".join(path.read_text("utf-8") for path in (ROOT / "services").rglob("*.py"))
    code += (ROOT / "contracts" / "notifications.py").read_text("utf-8")
    asked = {value for rule in rules() for value in re.findall(r'\w+="(\w+)"', rule["expr"])} - {"leadwire"}
    assert sorted(value for value in asked if f'"{value}"' not in code) == []


def test_every_alarm_has_its_section_and_every_section_its_alarm() -> None:
    names = [rule["alert"] for rule in rules()]
    assert re.findall(r"^## (\w+)$", PAGE.read_text("utf-8"), re.MULTILINE) == names
    assert len(set(names)) == len(names)


def test_every_section_says_what_to_look_at_and_what_to_do() -> None:
    sections = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    short = [one.split()[0] for one in sections if "**Look at**" not in one or "**Do**" not in one]
    assert short == []


def test_every_alarm_says_how_urgent_it_is() -> None:
    assert {rule["labels"]["severity"] for rule in rules()} == {"page", "ticket"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize(
    "asked", [("check", "rules", RULES), ("test", "rules", CASES)], ids=["check", "test"]
)
def test_prometheus_accepts_the_rules_and_rings_as_it_should(asked: tuple[str | Path, ...]) -> None:
    done = subprocess.run(["promtool", *asked], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
