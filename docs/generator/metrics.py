"""The metrics reference, from what the modules register."""

import importlib
import pkgutil

from prometheus_client import REGISTRY

import services
from docs.generator.tables import code, table

ABOUT = """# Metrics

Served at `/metrics` in Prometheus' text format. Every one stays bounded: no label carries an id.
"""
NEVER = ("__main__", "versions", "env")


def page() -> str:
    """All metrics by name."""
    load()
    found: dict[str, tuple[str, str, str, str]] = {}
    for collector in set(REGISTRY._names_to_collectors.values()):
        labels = ", ".join(code(label) for label in getattr(collector, "_labelnames", ()))
        for metric in collector.collect():
            if metric.name.startswith("leadwire"):
                name = metric.name + ("_total" if metric.type == "counter" else "")
                found[name] = (code(name), metric.type, labels, metric.documentation)
    return (
        ABOUT + "\n" + table(("Metric", "Type", "Labels", "Meaning"), (found[name] for name in sorted(found)))
    )


def load() -> None:
    """Import whatever may register a metric."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if not set(module.name.split(".")) & set(NEVER):
            importlib.import_module(module.name)
