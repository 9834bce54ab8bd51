"""Spans, their ids and errors, and what the variables of OpenTelemetry switch on."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from safelight.core import tracing
from safelight.core.errors import NotFound
from safelight.core.ids import new_id
from safelight.core.tracing import Interruption, child_span, record_child, work


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("safelight"))
    return exporter


def test_the_spans_of_a_video_have_its_id_as_their_trace_and_one_parent(
    exporter: InMemorySpanExporter,
) -> None:
    video_id = new_id("video")
    for name in ("submit", "step"):
        with work(name, video_id):
            pass
    spans = exporter.get_finished_spans()
    assert {f"video_{span.context.trace_id:032x}" for span in spans} == {video_id}
    assert len({span.parent and span.parent.span_id for span in spans}) == 1


@pytest.mark.parametrize(
    ("error", "code"), [(NotFound("private"), "not_found"), (KeyError("private"), "KeyError")]
)
def test_an_error_is_recorded_by_its_code_and_never_by_its_text(
    exporter: InMemorySpanExporter, error: Exception, code: str
) -> None:
    with pytest.raises(type(error)), work("step", new_id("video")), child_span("part"):
        raise error
    spans = exporter.get_finished_spans()
    assert [span.attributes and span.attributes["error.type"] for span in spans] == [code, code]
    assert not any(span.events or span.status.description for span in spans)


def test_an_interruption_is_no_error(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(Interruption), work("step", new_id("video")):
        raise Interruption
    [span] = exporter.get_finished_spans()
    assert span.attributes
    assert span.attributes["safelight.interrupted"] is True
    assert "error.type" not in span.attributes


def test_a_part_that_ended_before_is_recorded_with_its_times(exporter: InMemorySpanExporter) -> None:
    with work("step", new_id("video")):
        record_child("detector", ago_s=2.0, lasted_s=0.5)
    part, step = exporter.get_finished_spans()
    assert part.start_time
    assert part.end_time
    assert step.start_time
    assert part.end_time - part.start_time == 500_000_000
    assert part.start_time < step.start_time


def test_without_a_current_span_a_part_is_not_recorded(exporter: InMemorySpanExporter) -> None:
    with child_span("elsewhere"):
        pass
    assert not exporter.get_finished_spans()


def test_only_the_variable_of_a_collector_imports_the_sdk(tmp_path: Path) -> None:
    code = """
import os, sys
import safelight.app.asgi, safelight.cli.server_process, safelight.videos.queue
from safelight.core.tracing import end_export, start_export
def imported():
    return [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]
start_export(); end_export(0.0)
assert not imported(), imported()
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
start_export(); end_export(0.0)
assert imported()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_variable_without_the_extra_is_a_warning_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with caplog.at_level(logging.WARNING):
        tracing.start_export()
    assert "[tracing]" in caplog.text
