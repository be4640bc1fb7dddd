"""Spans through OpenTelemetry to an OTLP collector. Imported only when one is configured."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_HEADER = "traceparent"


class TracingMissing(Exception):
    """A collector is configured, but the library that speaks to it is not installed."""


def _exporter(endpoint: str) -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise TracingMissing(
            "LEADWIRE_OTLP_ENDPOINT is set, but the exporter is not installed:"
            " pip install opentelemetry-exporter-otlp-proto-http, or unset it"
        ) from error
    exporter: SpanExporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    return exporter


class Tracing:
    """Makes spans; their context travels as the W3C `traceparent` header."""

    def __init__(self, endpoint: str, service: str, exporter: SpanExporter | None = None) -> None:
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(endpoint)))
        self._tracer = self._provider.get_tracer("leadwire")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, traceparent: str | None) -> Iterator[str | None]:
        """A span around the block, child of `traceparent`; yields its own."""
        carried = {_HEADER: traceparent} if traceparent else {}
        parent = self._propagator.extract(carried) if carried else None
        with self._tracer.start_as_current_span(name, context=parent) as current:
            carrier: dict[str, str] = {}
            self._propagator.inject(carrier, trace.set_span_in_context(current))
            yield carrier.get(_HEADER)

    def close(self) -> None:
        """Send what is waiting and stop."""
        self._provider.shutdown()
