"""The trace of a video, from its request to its delivery, through the real pipeline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from safelight.core import tracing
from safelight.core.errors import UpstreamUnavailable
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos import attempts
from safelight.videos.models import Video, VideoState

from .conftest import Crash, Furnish, House
from .test_appeals import appealed, refused, released
from .test_decisions import decide
from .test_upstream_waits import Office
from .test_video_lifecycle import PAID

PROMPT, END_USER = "a quiet lake in the mountains", "user-4711"
#: Every attribute that a span may have; `safelight.cpu_s.` has the name of a detector after it.
ATTRIBUTES = {
    *("http.request.method", "http.route", "http.response.status_code", "error.type"),
    *("safelight.request_id", "safelight.video_id", "safelight.generator", "safelight.next_state"),
    *("safelight.detector", "safelight.complete", "safelight.polls", "safelight.accepted"),
    *("safelight.interrupted", "safelight.superseded"),
    *(
        f"safelight.{stage}_{what}"
        for stage in ("prompt", "reference", "output")
        for what in ("action", "categories")
    ),
}


class Traces:
    """The exported spans of a house."""

    def __init__(self, exporter: InMemorySpanExporter) -> None:
        self._exporter = exporter

    def spans(self) -> list[ReadableSpan]:
        """All spans in the order of their beginning."""
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.start_time or 0)

    def of(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.spans() if span.name == name]
        return found


@pytest.fixture
def furnish_traced(furnish: Furnish, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[House, Traces]]:
    def make(**settings: Any) -> tuple[House, Traces]:
        exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("safelight"))
        house = furnish(**settings)
        house.waive()
        house.container.videos = house.videos
        return house, Traces(exporter)

    return make


def post(house: House, **headers: str) -> str:
    """Create a video over HTTP; its id."""
    accounts = house.accounts
    _record, token = accounts.create_key(house.who.tenant, "traced", by="a test")
    body = {"prompt": PROMPT, "seconds": "4", "safety_identifier": END_USER}

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(house.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.post(
                "/v1/videos", json=body, headers={"authorization": f"Bearer {token}", **headers}
            )

    answer = asyncio.run(send())
    video_id: str = answer.raise_for_status().json()["id"]
    return video_id


def path_of(span: ReadableSpan, spans: list[ReadableSpan]) -> tuple[str, ...]:
    """The names from the outermost span to this one."""
    parents = [each for each in spans if span.parent and each.context.span_id == span.parent.span_id]
    return (*(path_of(parents[0], spans) if parents else ()), span.name)


def test_a_delivered_video_is_one_trace_from_its_request_to_its_seal_without_its_texts(
    furnish_traced: Callable[..., tuple[House, Traces]],
) -> None:
    house, traces = furnish_traced()
    video_id = post(house)
    video = house.carry(house.videos.get(house.who, video_id))
    assert video.state is VideoState.DELIVERED
    spans = traces.spans()
    request = traces.of("POST /v1/videos")
    assert {f"video_{span.context.trace_id:032x}" for span in spans if span is not request} == {video_id}
    assert request.attributes["safelight.video_id"] == video_id
    found = [path_of(span, spans) for span in spans]
    for expected in (
        ("submit",),
        ("submit", "screen text"),
        ("submit", "screen text", "detector"),
        ("step queued",),
        ("step generating",),
        ("step generating", "wait for slot"),
        ("step generating", "render"),
        ("step generating", "normalize"),
        ("step scanning",),
        ("step scanning", "scan"),
        ("step scanning", "scan", "scan video"),
        ("step sealing",),
        ("step sealing", "seal"),
    ):
        assert expected in found
    assert found.count(("submit", "screen text", "detector")) == len(
        house.container.core.text_pipeline.detectors
    )
    assert request.kind is SpanKind.SERVER
    assert request.attributes["http.response.status_code"] == 200
    assert all(span.status.status_code is StatusCode.UNSET for span in spans)
    assert traces.of("step sealing").attributes["safelight.next_state"] == "delivered"
    assert traces.of("submit").attributes["safelight.prompt_action"] == "allow"
    # No span has a text of the client.
    keys = {key for span in spans for key in span.attributes or {}}
    assert {key for key in keys if not key.startswith("safelight.cpu_s.")} <= ATTRIBUTES
    shown = " ".join(
        f"{span.name} {dict(span.attributes or {})} {span.resource.attributes}" for span in spans
    )
    for secret in (PROMPT, "lake", END_USER, house.who.tenant, house.who.id, "key_"):
        assert secret not in shown


def test_the_request_continues_the_trace_of_the_client_and_the_video_is_linked_with_it(
    furnish_traced: Callable[..., tuple[House, Traces]],
) -> None:
    house, traces = furnish_traced()
    video_id = post(house, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    request, submit = traces.of("POST /v1/videos"), traces.of("submit")
    assert request.parent is not None
    assert (request.context.trace_id, request.parent.span_id) == (int("ab" * 16, 16), int("cd" * 8, 16))
    assert f"video_{submit.context.trace_id:032x}" == video_id
    assert submit.links[0].context == request.context


def test_a_video_that_an_appeal_reinstates_has_a_trace_of_its_own(
    furnish_traced: Callable[..., tuple[House, Traces]],
) -> None:
    house, traces = furnish_traced()
    blocked = refused(house)
    decide(house, appealed(house, blocked), "overturn")
    again = house.carry(released(house, blocked))
    assert again.state is VideoState.DELIVERED
    spans = [
        span for span in traces.spans() if span.context.trace_id == int(again.id.removeprefix("video_"), 16)
    ]
    assert {f"video_{span.context.trace_id:032x}" for span in spans} == {again.id}
    assert [span.name for span in spans].count("submit") == 1
    assert ("step sealing", "seal") in [path_of(span, spans) for span in spans]


def test_a_failed_step_has_the_status_error_and_the_code(
    furnish_traced: Callable[..., tuple[House, Traces]], upstream: ScriptedUpstream
) -> None:
    house, traces = furnish_traced()
    upstream.play({"otherwise": {"polls": 0, "ends": "failed"}})
    video = house.make(**PAID)
    assert video.state is VideoState.FAILED
    last = [span for span in traces.spans() if span.name == "step generating"][-1]
    assert last.status.status_code is StatusCode.ERROR
    assert last.attributes["error.type"] == video.error_code
    assert last.attributes["safelight.next_state"] == "failed"


def test_each_call_to_an_upstream_is_a_span_and_carries_no_trace_of_ours(
    furnish_traced: Callable[..., tuple[House, Traces]], monkeypatch: pytest.MonkeyPatch
) -> None:
    house, traces = furnish_traced()
    sent: list[httpx.Request] = []
    send = httpx.Client.send

    def record(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
        sent.append(request)
        return send(client, request, **options)

    monkeypatch.setattr(httpx.Client, "send", record)
    house.make(**PAID)
    assert len(sent) >= 3
    assert all({"traceparent", "tracestate", "baggage"}.isdisjoint(request.headers) for request in sent)
    calls = [span for span in traces.spans() if span.name.startswith("upstream ")]
    assert {span.name for span in calls} == {
        *("upstream submit", "upstream progress", "upstream download", "upstream delete"),
    }
    assert {span.kind for span in calls} == {SpanKind.CLIENT}
    assert {span.attributes["safelight.generator"] for span in calls} == {"paid"}


def test_a_call_that_a_pause_prevents_is_no_span(
    furnish_traced: Callable[..., tuple[House, Traces]], upstream: ScriptedUpstream
) -> None:
    house, traces = furnish_traced()
    upstream.play({"otherwise": {"ends": "never"}})
    office, video = Office(house), house.order(**PAID)
    office.run(video)
    for _ in range(5):
        with pytest.raises(UpstreamUnavailable), office.context.upstreams["paid"].call(accepted=True):
            raise UpstreamUnavailable("The upstream is away.")
    office.run(video)
    names = [span.name for span in traces.spans() if span.name.startswith("upstream ")]
    assert names == ["upstream submit", "upstream progress"]


def test_the_wait_for_an_upstream_is_one_span_with_the_number_of_polls(
    furnish_traced: Callable[..., tuple[House, Traces]],
    upstream: ScriptedUpstream,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attempts, "POLL_S", 0.01)
    monkeypatch.setattr(attempts, "_MAX_POLL_S", 0.05)
    house, traces = furnish_traced()
    upstream.play({"otherwise": {"polls": 3}})
    office, video = Office(house), house.order(**PAID)
    office.run(video)
    office.poll_until(lambda: office.is_woken(video))
    wait = traces.of("wait for upstream")
    assert wait.attributes["safelight.accepted"] is True
    assert wait.attributes["safelight.polls"] >= 2


def test_a_step_that_a_crash_interrupts_runs_again_in_the_same_trace(
    furnish_traced: Callable[..., tuple[House, Traces]],
) -> None:
    house, traces = furnish_traced()
    house.crash_at = "made"
    video: Video = house.order()
    with pytest.raises(Crash):
        house.carry(video)
    house.carry(video)
    spans = traces.spans()
    assert [span.name for span in spans].count("step generating") == 2
    assert len({span.context.trace_id for span in spans}) == 1
