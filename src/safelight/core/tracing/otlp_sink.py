"""Exports spans with OTLP over HTTP. The only module that imports the SDK of OpenTelemetry.

It has a tracer provider of its own. The global one stays unset, so that no library of this process exports
spans, whose attributes we do not know.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, Status, StatusCode, TraceFlags

from safelight.core.metrics import TRACE_SPANS

from .tracer import Span

_log = logging.getLogger(__name__)
#: Further spans are dropped while this number waits for a collector. About 4 MiB.
MAX_WAITING = 2048
_EXPORT_INTERVAL_MS = 5000
_EXPORT_TIMEOUT_S = 10.0
_MAX_TEXT_CHARACTERS = 128
#: The same line of the exporter is logged once in this time.
_LOG_PAUSE_S = 300.0
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_TRACES_PATH = "/v1/traces"


def otlp_exporter(endpoint: str) -> SpanExporter:
    """The exporter for a collector, such as `http://127.0.0.1:4318`.

    Headers and certificates come from the environment variables `OTEL_EXPORTER_OTLP_*`.
    """
    logging.getLogger(OTLPSpanExporter.__module__).addFilter(_once_in_a_while)
    return OTLPSpanExporter(endpoint.rstrip("/") + _TRACES_PATH, timeout=_EXPORT_TIMEOUT_S)


class OtlpSink:
    """Receives spans from all threads, and exports them in batches from a thread of its own.

    If the collector does not answer, `MAX_WAITING` spans are kept and further ones are dropped.
    """

    def __init__(self, exporter: SpanExporter, resource: Mapping[str, str]) -> None:
        self._waiting = _WaitingSpans(MAX_WAITING)
        self._ids = _GivenIds()
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource.create(dict(resource)),
            shutdown_on_exit=False,
            id_generator=self._ids,
            span_limits=SpanLimits(max_span_attribute_length=_MAX_TEXT_CHARACTERS),
        )
        self._provider.add_span_processor(
            BatchSpanProcessor(
                _CountingExporter(exporter, self._waiting),
                max_queue_size=MAX_WAITING,
                schedule_delay_millis=_EXPORT_INTERVAL_MS,
            )
        )
        self._tracer = self._provider.get_tracer("safelight")

    def record(self, span: Span) -> None:
        if not self._waiting.add():
            TRACE_SPANS.add("dropped")
            return
        try:
            self._export_later(span)
        except Exception:
            # A trace is never the reason that a video fails.
            self._waiting.remove(1)
            TRACE_SPANS.add("failed")
            _log.exception("A span was not recorded.")

    def _export_later(self, span: Span) -> None:
        self._ids.use(span.trace_id, span.span_id)
        attributes = {_key(name): value for name, value in span.attributes.items()}
        made = self._tracer.start_span(
            span.name,
            context=_parent_context(span),
            kind=trace.SpanKind[span.kind.name],
            attributes={**attributes, "safelight.video_id": str(span.video_id)},
            links=_links(span),
            start_time=span.began_ns,
        )
        if span.error is not None:
            made.set_attribute("error.type", span.error)
            made.set_status(Status(StatusCode.ERROR))
        made.end(span.ended_ns)

    def close(self, timeout_s: float) -> None:
        # The SDK waits for up to 30 s.
        thread = threading.Thread(target=self._provider.shutdown, name="trace-flush", daemon=True)
        thread.start()
        thread.join(timeout_s)


class _WaitingSpans:
    """The number of spans that are not exported yet, with a limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._number = 0

    def add(self) -> bool:
        with self._lock:
            if self._number >= self._most:
                return False
            self._number += 1
            return True

    def remove(self, number: int) -> None:
        with self._lock:
            self._number -= number


class _CountingExporter(SpanExporter):
    """Counts the results of another exporter."""

    def __init__(self, exporter: SpanExporter, waiting: _WaitingSpans) -> None:
        self._exporter = exporter
        self._waiting = waiting

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._waiting.remove(len(spans))
            done = result is SpanExportResult.SUCCESS
            TRACE_SPANS.add("exported" if done else "failed", number=len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _GivenIds(IdGenerator):
    """Gives the next span of this thread the ids that our span has already."""

    def __init__(self) -> None:
        self._next = threading.local()

    def use(self, trace_id: int, span_id: int) -> None:
        self._next.trace_id, self._next.span_id = trace_id, span_id

    def generate_trace_id(self) -> int:
        return int(self._next.trace_id)

    def generate_span_id(self) -> int:
        return int(self._next.span_id)

    def is_trace_id_random(self) -> bool:
        return True


class _RepeatFilter(logging.Filter):
    """Lets the same line pass once in `_LOG_PAUSE_S`, because each export to a dead collector writes some."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[object, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created - self._passed.get(record.msg, 0.0) < _LOG_PAUSE_S:
            return False
        self._passed[record.msg] = record.created
        return True


_once_in_a_while = _RepeatFilter()


def _parent_context(span: Span) -> Context:
    """The parent of a span. For a root span an empty context, so that no current span of the SDK counts."""
    if span.parent_id is None:
        return Context()
    parent = SpanContext(span.trace_id, span.parent_id, is_remote=False, trace_flags=_SAMPLED)
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _links(span: Span) -> tuple[Link, ...]:
    if span.link is None:
        return ()
    return (Link(SpanContext(span.link.trace_id, span.link.span_id, is_remote=True)),)


def _key(name: str) -> str:
    return name if "." in name else f"safelight.{name}"
