"""Spans of the work on videos, by the API of OpenTelemetry. Without its SDK nothing is recorded.

There is one trace per video. Its id and that of its root follow from the id of the video, so that every
process can add spans to it, and no trace context is stored in the database or sent to an upstream. The root
itself is not a span. No attribute contains a text that a client or a file supplied.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

import safelight
from safelight.core.errors import SafelightError
from safelight.core.installation import install_command

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer("safelight")
_W3C = TraceContextTextMapPropagator()
_SAMPLED = trace.TraceFlags(trace.TraceFlags.SAMPLED)
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


class Interruption(Exception):
    """An exception that is not a failure: a span that it ends has the attribute `interrupted` and no error.

    Not in the error tree, as its subclasses.
    """


def set_attributes(span: Span, **attributes: AttributeValue) -> None:
    """Set attributes. Each name gets `safelight.` before it."""
    span.set_attributes({f"safelight.{name}": value for name, value in attributes.items()})


def fail(span: Span, error: BaseException) -> None:
    """The error that ends this span: its code; for one outside the error tree, the name of its class."""
    if isinstance(error, Interruption):
        set_attributes(span, interrupted=True)
        return
    code = error.code if isinstance(error, SafelightError) else type(error).__name__
    span.set_attribute("error.type", code)
    span.set_status(Status(StatusCode.ERROR))


def request_span(headers: Mapping[str, str]) -> AbstractContextManager[Span]:
    """An HTTP request. It continues the trace that the header `traceparent` names (W3C Trace Context)."""
    return _as_current(_tracer.start_span("request", _W3C.extract(headers), SpanKind.SERVER))


def begin(name: str, video_id: str, **attributes: AttributeValue) -> Span:
    """A part of the trace of a video, which the caller ends. It is linked with the current span."""
    trace_id = int(video_id.rpartition("_")[2], 16)
    root = SpanContext(trace_id, trace_id % (1 << 64) or 1, is_remote=True, trace_flags=_SAMPLED)
    current = trace.get_current_span()
    set_attributes(current, video_id=video_id)
    span = _tracer.start_span(
        name,
        trace.set_span_in_context(NonRecordingSpan(root), Context()),
        links=[Link(context)] if (context := current.get_span_context()).is_valid else [],
    )
    set_attributes(span, video_id=video_id, **attributes)
    return span


def work(name: str, video_id: str, **attributes: AttributeValue) -> AbstractContextManager[Span]:
    """Work on a video, such as its submission or one step of the pipeline."""
    return _as_current(begin(name, video_id, **attributes))


@contextmanager
def child_span(name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: AttributeValue) -> Iterator[Span]:
    """A part of the current span. Without a current span, nothing is recorded."""
    if not trace.get_current_span().is_recording():
        yield trace.INVALID_SPAN
        return
    with _as_current(_tracer.start_span(name, kind=kind)) as span:
        set_attributes(span, **attributes)
        yield span


def record_child(name: str, *, ago_s: float, lasted_s: float, **attributes: AttributeValue) -> None:
    """A part of the current span that has ended already. It began before `ago_s` seconds."""
    began_ns = time.time_ns() - round(ago_s * 1e9)
    span = _tracer.start_span(name, start_time=began_ns)
    set_attributes(span, **attributes)
    span.end(began_ns + round(lasted_s * 1e9))


@contextmanager
def _as_current(span: Span) -> Iterator[Span]:
    # Without the exception, whose message may contain a text of a client.
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield span
        except Exception as error:
            fail(span, error)
            raise


def start_export() -> None:
    """Export spans if a variable of OpenTelemetry names a collector. The SDK reads the other variables."""
    if not any(map(os.environ.get, _ENDPOINTS)):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        _log.warning("A collector is set, but no traces are exported. Run: %s", install_command("tracing"))
        return
    name = os.environ.get("OTEL_SERVICE_NAME", "safelight")
    resource = Resource.create({"service.name": name, "service.version": safelight.__version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)


def end_export(timeout_s: float) -> None:
    """Export what was recorded. Returns after `timeout_s` at the latest; the SDK waits for up to 30 s."""
    if shutdown := getattr(trace.get_tracer_provider(), "shutdown", None):
        thread = threading.Thread(target=shutdown, name="trace-flush", daemon=True)
        thread.start()
        thread.join(timeout_s)
