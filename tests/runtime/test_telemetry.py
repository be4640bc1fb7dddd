import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.runtime import telemetry
from services.runtime.settings import Settings
from services.runtime.telemetry import REDACTED, redact
from services.runtime.tracing import Tracing, TracingMissing

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def log_settings() -> Iterator[Settings]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield Settings(log_format="json", log_level="info")
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize(
    "key", ["password", "token", "secret", "authorization", "phone", "email", "text", "body", "name"]
)
def test_private_keys_are_hidden_at_any_depth(key: str) -> None:
    event = redact(None, "", {"event": "e", f"given_{key}": "x", "deep": [{key: "x", "id": 7}]})
    assert event == {"event": "e", f"given_{key}": REDACTED, "deep": [{key: REDACTED, "id": 7}]}


@pytest.mark.parametrize(
    ("message", "hidden"),
    [
        ("duplicate key\nDETAIL:  Key (email)=(ann@example.com) exists", "ann"),
        ("1 validation error [type=int, input_value='Ann Lee', input_type=str]", "Ann"),
        ("no mailbox ann.lee@example.com here", "ann.lee"),
        ("cannot call +44 20 7946 0958", "7946"),
        ("wrong token lw_abc-DEF_123", "abc-DEF"),
    ],
)
def test_messages_of_errors_lose_the_data_they_quote(message: str, hidden: str) -> None:
    assert hidden not in str(redact(None, "", {"event": "e", "error": message})["error"])


def test_a_line_is_json_without_secrets(log_settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logging(log_settings)
    structlog.get_logger().info("bell.rang", bell=7, phone="123")
    structlog.get_logger().debug("bell.swung")
    logging.getLogger("library").warning("creaks")
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert (first["event"], first["bell"], first["phone"]) == ("bell.rang", 7, REDACTED)
    assert second["event"] == "creaks"


def test_a_traceback_is_logged_without_the_data_it_quotes(
    log_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry.configure_logging(log_settings)
    try:
        raise ValueError("no such ann@example.com")
    except ValueError:
        structlog.get_logger().exception("bell.broke")
    line = json.loads(capsys.readouterr().err)
    assert "ValueError" in line["exception"]
    assert "ann@" not in line["exception"]


def test_without_a_collector_the_trace_of_the_caller_goes_on() -> None:
    with telemetry.span("swing", PARENT) as current:
        assert current == PARENT
    with telemetry.span("swing") as current:
        assert current is None


def test_with_a_collector_a_span_is_the_child_of_its_caller() -> None:
    spans = InMemorySpanExporter()
    tracing = Tracing("", "bell", spans)
    with tracing.span("swing", PARENT) as outer, tracing.span("ring", outer):
        pass
    with tracing.span("alone", None) as alone:
        assert alone
    tracing.close()
    ring, swing, _ = spans.get_finished_spans()
    assert outer != PARENT
    assert ring.context.trace_id == swing.context.trace_id == int(PARENT.split("-")[1], 16)
    assert ring.parent is not None
    assert ring.parent.span_id == swing.context.span_id


def test_a_collector_without_its_library_names_the_remedy() -> None:
    with pytest.raises(TracingMissing, match="pip install"):
        Tracing("http://127.0.0.1:1", "bell")


def test_metrics_are_in_the_format_of_prometheus() -> None:
    assert b"# HELP leadwire_bus_reconnects_total" in telemetry.metrics_text()
