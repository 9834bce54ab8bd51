"""The export of spans to a real receiver of OTLP/HTTP, and to collectors that do not answer."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from safelight.core.errors import NotFound
from safelight.core.ids import new_id
from safelight.core.metrics import TRACE_SPANS
from safelight.core.tracing import otlp_sink
from safelight.core.tracing.otlp_sink import OtlpSink, otlp_exporter
from safelight.core.tracing.tracer import Tracer, child_span
from support.trace_receiver import TraceReceiver

RESOURCE = {"service.name": "safelight"}
WAIT_S = 60


@pytest.fixture
def receiver() -> Iterator[TraceReceiver]:
    with TraceReceiver() as receiver:
        yield receiver


@pytest.fixture
def silent_collector() -> Iterator[str]:
    """The address of a collector that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def refusing_collector() -> str:
    """An address on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def counts() -> dict[str, int]:
    return {labels[0]: number for labels, number in TRACE_SPANS.read().items()}


def counted_since(before: dict[str, int]) -> dict[str, int]:
    return {
        name: number - before.get(name, 0)
        for name, number in counts().items()
        if number != before.get(name, 0)
    }


def test_a_collector_receives_spans_with_ids_times_attributes_and_status(receiver: TraceReceiver) -> None:
    tracer = Tracer(OtlpSink(otlp_exporter(receiver.url + "/"), RESOURCE))
    video_id, before = new_id("video"), counts()

    def fail() -> None:
        with tracer.request(f"00-{'ab' * 16}-{'cd' * 8}-01"), tracer.submission(video_id):
            with child_span("part", text="x" * 500, number=3):
                pass
            raise NotFound("No.")

    with pytest.raises(NotFound):
        fail()
    tracer.close(WAIT_S)
    [(path, message)] = receiver.received
    assert path == "/v1/traces"
    [resource] = message.resource_spans
    assert {each.key: each.value.string_value for each in resource.resource.attributes}[
        "service.name"
    ] == "safelight"
    spans = {span.name: span for span in resource.scope_spans[0].spans}
    root, submit, part = spans["request"], spans["submit"], spans["part"]
    assert "video_" + root.trace_id.hex() == video_id
    assert root.parent_span_id == b""
    assert root.links[0].trace_id.hex() == "ab" * 16
    assert part.parent_span_id == submit.span_id
    assert submit.parent_span_id == root.span_id
    assert part.end_time_unix_nano >= part.start_time_unix_nano > 0
    attributes = {each.key: each.value for each in part.attributes}
    assert attributes["safelight.text"].string_value == "x" * 128
    assert attributes["safelight.number"].int_value == 3
    assert attributes["safelight.video_id"].string_value == video_id
    assert submit.status.code == submit.status.STATUS_CODE_ERROR
    assert {each.key: each.value.string_value for each in submit.attributes}["error.type"] == "not_found"
    assert counted_since(before) == {"exported": 3}


@pytest.mark.parametrize("kind", ["silent_collector", "refusing_collector"])
def test_a_collector_that_is_down_delays_no_work_and_the_close_only_to_its_limit(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp_sink, "_EXPORT_INTERVAL_MS", 1)
    monkeypatch.setattr(otlp_sink, "MAX_WAITING", 600)
    tracer, before = Tracer(OtlpSink(otlp_exporter(request.getfixturevalue(kind)), RESOURCE)), counts()

    def work() -> None:
        for _ in range(1000):
            with tracer.work("step", new_id("video")):
                pass
        tracer.close(0.1)

    # The export waits for up to 10 s for each batch, so that a work that waited for it would not end.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    assert counted_since(before)["dropped"] >= 400


def test_a_span_that_cannot_be_recorded_fails_no_work(caplog: pytest.LogCaptureFixture) -> None:
    exporter = InMemorySpanExporter()
    tracer, before = Tracer(OtlpSink(exporter, RESOURCE)), counts()
    with tracer.work("step", "video_not-a-number"):
        pass
    with tracer.work("step", new_id("video")):
        pass
    tracer.close(WAIT_S)
    assert len(exporter.get_finished_spans()) == 1
    assert counted_since(before) == {"failed": 1, "exported": 1}
    assert "A span was not recorded." in caplog.text
    assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider), "the global one stays unset"


def test_the_same_line_of_the_exporter_is_logged_once_in_a_while() -> None:
    def line(text: str, at: float) -> logging.LogRecord:
        record = logging.LogRecord("otel", logging.ERROR, "", 0, text, None, None)
        record.created = at
        return record

    repeated = otlp_sink._RepeatFilter()
    assert repeated.filter(line("down", 1000.0))
    assert not repeated.filter(line("down", 1299.0))
    assert repeated.filter(line("other", 1299.0))
    assert repeated.filter(line("down", 1301.0))
