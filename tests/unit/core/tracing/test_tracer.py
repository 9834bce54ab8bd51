"""Spans, their ids and their parents, without OpenTelemetry."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from safelight.bootstrap.core import CoreParts
from safelight.core.errors import NotFound, SettingsError
from safelight.core.ids import new_id
from safelight.core.tracing.tracer import Interruption, Span, Tracer, child_span, current_span, outermost_span
from safelight.settings.models import Settings, TracingSettings


class Sink:
    """Keeps the spans that ended."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def record(self, span: Span) -> None:
        self.spans.append(span)

    def close(self, timeout_s: float) -> None: ...

    def __getitem__(self, name: str) -> Span:
        [found] = [span for span in self.spans if span.name == name]
        return found


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def tracer(sink: Sink) -> Tracer:
    return Tracer(sink)


def test_the_ids_of_trace_and_root_follow_from_the_video(sink: Sink, tracer: Tracer) -> None:
    video_id = new_id("video")
    with tracer.request(None), tracer.submission(video_id):
        pass
    with Tracer(sink).work("step", video_id):
        pass
    root, step = sink["request"], sink["step"]
    assert f"{root.trace_id:032x}" == video_id.removeprefix("video_")
    assert step.trace_id == root.trace_id
    assert step.parent_id == root.span_id
    assert root.parent_id is None
    assert sink["submit"].parent_id == root.span_id


def test_a_second_submission_in_one_request_is_a_trace_of_its_own(sink: Sink, tracer: Tracer) -> None:
    first, second = new_id("video"), new_id("video")
    with tracer.request(None):
        with tracer.submission(first):
            pass
        with tracer.submission(second):
            pass
    assert [(span.video_id, span.parent_id is None) for span in sink.spans] == [
        (first, False),
        (second, True),
        (first, True),
    ]


def test_parts_are_nested_and_end_in_order(sink: Sink, tracer: Tracer) -> None:
    with tracer.work("step", new_id("video")), child_span("scan"), child_span("detector", detector="ocr"):
        assert outermost_span().name == "step"
        assert current_span().name == "detector"
    assert [span.name for span in sink.spans] == ["detector", "scan", "step"]
    assert sink["detector"].parent_id == sink["scan"].span_id
    assert sink["detector"].attributes == {"detector": "ocr"}
    assert all(span.ended_ns >= span.began_ns for span in sink.spans)
    assert not current_span().is_recorded


@pytest.mark.parametrize(
    ("error", "code"), [(NotFound("No."), "not_found"), (KeyError("private"), "KeyError")]
)
def test_an_error_is_recorded_by_its_code_and_never_by_its_text(
    sink: Sink, tracer: Tracer, error: Exception, code: str
) -> None:
    with pytest.raises(type(error)), tracer.work("step", new_id("video")), child_span("part"):
        raise error
    assert [span.error for span in sink.spans] == [code, code]
    with pytest.raises(Interruption), tracer.work("interrupted", new_id("video")) as span:
        raise Interruption
    assert (span.error, span.attributes) == (None, {"interrupted": True})
    span.end()
    assert len(sink.spans) == 3, "a span ends once"


def test_a_part_that_ended_before_is_recorded_with_its_times(sink: Sink, tracer: Tracer) -> None:
    with tracer.work("step", new_id("video")) as step:
        step.record_child("detector", ago_s=2.0, lasted_s=0.5)
    part = sink["detector"]
    assert part.ended_ns - part.began_ns == 500_000_000
    assert part.began_ns < step.began_ns


def test_another_thread_has_no_current_span(sink: Sink, tracer: Tracer) -> None:
    def work() -> None:
        with child_span("elsewhere"):
            pass

    with tracer.work("step", new_id("video")):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [span.name for span in sink.spans] == ["step"]


def test_without_a_sink_nothing_is_kept() -> None:
    tracer = Tracer()
    with tracer.request("00-x"), tracer.submission(new_id("video")) as span, child_span("part"):
        span.set(state="queued")
        current_span().set(state="queued")
        span.fail(KeyError())
    assert span.attributes == {}
    assert span.error is None
    assert current_span().attributes == {}
    tracer.close(0.0)


def test_only_the_setting_imports_the_sdk_of_opentelemetry(tmp_path: Path) -> None:
    code = """
import sys
import safelight.bootstrap.app, safelight.cli.server_process, safelight.videos.queue
from safelight.bootstrap import load
def imported():
    return [name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))]
load().core.tracer.close(0.0)
assert not imported(), imported()
load(tracing={"endpoint": "http://127.0.0.1:9"}).core.tracer.close(0.0)
assert imported()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_setting_without_the_extra_is_an_error_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "safelight.core.tracing.otlp_sink", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    settings = Settings(data=tmp_path, tracing=TracingSettings(endpoint="http://127.0.0.1:9"))
    with pytest.raises(SettingsError, match=r"pip install .*\[otel\]'"):
        CoreParts(settings).tracer  # noqa: B018
