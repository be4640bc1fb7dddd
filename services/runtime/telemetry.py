"""Logs, metrics and traces: structured, without secrets or personal data, cheap when idle."""

import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from services.runtime.settings import Settings

TRACEPARENT = "traceparent"
METRICS_MEDIA_TYPE = CONTENT_TYPE_LATEST
REDACTED = "[redacted]"
# Any part of a key that is one of these hides the value, at any depth.
PRIVATE = frozenset(
    {
        "address", "authorization", "body", "cookie", "credentials", "dsn", "email", "headers",
        "html", "name", "password", "payload", "phone", "secret", "seed", "subject_line", "text",
        "token", "url",
    }
)  # fmt: skip
# Filled with messages of exceptions.
_FREE_TEXT = frozenset({"error", "exception", "problem", "reason", "why"})
_QUOTED = (
    re.compile(r"(?<=DETAIL:).*"),
    re.compile(r"(?<=input_value=).*"),
    re.compile(r"[^\s@<>\"'(=]+@[^\s@<>\"')]+\.\w+"),
    re.compile(r"\+\d[\d ().-]{6,}\d"),
    re.compile(r"\blw_[\w-]+"),
)
_tracing: "Any | None" = None


def _private(key: object) -> bool:
    return not PRIVATE.isdisjoint(str(key).lower().replace("-", "_").split("_"))


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: REDACTED if _private(key) else _clean(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return value


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: hides what must not be in a log, whoever put it there."""
    for key, value in event.items():
        if _private(key):
            event[key] = REDACTED
        elif key in _FREE_TEXT and value is not None:
            event[key] = _without_values(str(value))
        else:
            event[key] = _clean(value)
    return event


def _without_values(text: str) -> str:
    """Messages of libraries quote the data they choke on: rows, inputs, addresses, numbers."""
    for pattern in _QUOTED:
        text = pattern.sub(REDACTED, text)
    return text


def configure_logging(settings: Settings) -> None:
    """One line per event on standard error; libraries that log the old way come out alike."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    rendering: list[Any] = [
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    ]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def metrics_text() -> bytes:
    """Everything counted in this process, in the format Prometheus reads."""
    return generate_latest(REGISTRY)


def configure_tracing(settings: Settings, service: str) -> None:
    """Send spans to the collector, if there is one. Without it nothing is even imported."""
    global _tracing
    if settings.otlp_endpoint is None or _tracing is not None:
        return
    from services.runtime.tracing import Tracing

    _tracing = Tracing(settings.otlp_endpoint, service)


@contextmanager
def span(name: str, traceparent: str | None = None) -> Iterator[str | None]:
    """A span around the block, child of `traceparent` (W3C Trace Context); yields what to pass on.

    Without a collector the trace of the caller is passed on untouched.
    """
    if _tracing is None:
        yield traceparent
        return
    with _tracing.span(name, traceparent) as current:
        yield current


def tracing() -> bool:
    """Whether a collector takes spans."""
    return _tracing is not None


def flush_traces() -> None:
    """Send what is still waiting; for the end of a process."""
    if _tracing is not None:
        _tracing.close()
