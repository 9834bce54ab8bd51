"""Spans of the traces of videos. Without a sink, nothing is recorded.

There is one trace per video. The ids of the trace and of its root span follow from the id of the video, so
that every process can add spans to it, and no trace context is stored in the database or sent to an upstream.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol, TypeAlias

from safelight.core.errors import SafelightError

# The header `traceparent` of W3C Trace Context, which names the trace of a client.

_FORM = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")


@dataclass(frozen=True, kw_only=True)
class TraceParent:
    """The trace of a client, and the span in it that sent the request."""

    trace_id: int
    span_id: int


def parse_trace_parent(header: str | None) -> TraceParent | None:
    """The parsed header; None if it is missing or not valid."""
    found = _FORM.fullmatch(header or "")
    if found is None:
        return None
    trace_id, span_id = int(found[1], 16), int(found[2], 16)
    return TraceParent(trace_id=trace_id, span_id=span_id) if trace_id and span_id else None


#: No value contains a text that a client or a file supplied.
AttributeValue: TypeAlias = str | int | float | bool

_SPAN_ID_BITS = 64


class SpanKind(Enum):
    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


class Interruption(Exception):
    """An exception that is not a failure: a span that it ends has the attribute `interrupted` and no error.

    Not in the error tree, as its subclasses.
    """


class SpanSink(Protocol):
    """Receives the spans that have ended. It neither waits nor raises."""

    def record(self, span: Span) -> None: ...

    def close(self, timeout_s: float) -> None:
        """Export what was received. Returns after `timeout_s` at the latest."""
        ...


@dataclass(kw_only=True, eq=False)
class Span:
    """One part of a trace. A span without a sink or a video is not recorded."""

    name: str
    sink: SpanSink | None = None
    video_id: str | None = None
    #: The span that contains this one in the same thread or request.
    within: Span | None = None
    #: The first span of the trace. Its id follows from the id of the video.
    is_root: bool = False
    kind: SpanKind = SpanKind.INTERNAL
    #: The trace of the client, which only a root span has.
    link: TraceParent | None = None
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    #: The code of the error that ended it.
    error: str | None = None
    began_ns: int = field(default_factory=time.time_ns)
    ended_ns: int = 0
    _own_id: int = field(init=False, default_factory=lambda: secrets.randbits(_SPAN_ID_BITS) or 1)
    #: The duration does not depend on the clock of the system, which can jump.
    _timer_ns: int = field(init=False, default_factory=time.perf_counter_ns)

    @property
    def is_recorded(self) -> bool:
        return self.sink is not None and self.video_id is not None

    @property
    def trace_id(self) -> int:
        """The hex digits of the id of the video: 128 bits, of which the last 80 are random."""
        assert self.video_id is not None
        return int(self.video_id.rpartition("_")[2], 16)

    @property
    def span_id(self) -> int:
        return self._root_id if self.is_root else self._own_id

    @property
    def parent_id(self) -> int | None:
        if self.is_root:
            return None
        return self._root_id if self.within is None else self.within.span_id

    def set(self, **attributes: AttributeValue) -> None:
        """Set attributes. The sink puts `safelight.` before each name without a dot."""
        if self.sink is not None:
            self.attributes |= attributes

    def fail(self, error: BaseException) -> None:
        """The error that ends this span: its code; for one outside the error tree, the name of its class."""
        if isinstance(error, Interruption):
            self.set(interrupted=True)
        elif self.sink is not None:
            self.error = error.code if isinstance(error, SafelightError) else type(error).__name__

    def end(self) -> None:
        """Record the span. A second call has no effect."""
        if self.sink is not None and self.video_id is not None and not self.ended_ns:
            self.ended_ns = self.began_ns + time.perf_counter_ns() - self._timer_ns
            self.sink.record(self)

    def child(self, name: str, kind: SpanKind, attributes: dict[str, AttributeValue]) -> Span:
        return Span(
            name=name,
            sink=self.sink,
            video_id=self.video_id,
            within=self,
            kind=kind,
            attributes=attributes,
        )

    def record_child(self, name: str, *, ago_s: float, lasted_s: float, **attributes: AttributeValue) -> None:
        """Record a part that has ended already. It began before `ago_s` seconds."""
        if self.sink is None or self.video_id is None:
            return
        child = self.child(name, SpanKind.INTERNAL, attributes)
        child.began_ns -= round(ago_s * 1e9)
        child.ended_ns = child.began_ns + round(lasted_s * 1e9)
        self.sink.record(child)

    @property
    def _root_id(self) -> int:
        return self.trace_id % (1 << _SPAN_ID_BITS) or 1


_NOT_RECORDED = Span(name="")
_current: ContextVar[Span] = ContextVar("span", default=_NOT_RECORDED)


def current_span() -> Span:
    """The span of the code that runs now. Without one, a span that is not recorded."""
    return _current.get()


def outermost_span() -> Span:
    """The span of the whole request or step that runs now."""
    span = _current.get()
    while span.within is not None:
        span = span.within
    return span


@contextmanager
def child_span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, **attributes: AttributeValue
) -> Iterator[Span]:
    """A part of the current span. Without a current span, nothing is recorded."""
    parent = _current.get()
    if not parent.is_recorded:
        yield _NOT_RECORDED
        return
    with _as_current(parent.child(name, kind, attributes)) as span:
        yield span


class Tracer:
    """Begins the outermost spans: of requests, and of the work on a video after its request."""

    def __init__(self, sink: SpanSink | None = None) -> None:
        self._sink = sink

    @contextmanager
    def request(self, trace_parent: str | None) -> Iterator[Span]:
        """The span of an HTTP request, with its header `traceparent`.

        It becomes the root span of the video that it submits. If it submits none, it is not recorded.
        """
        if self._sink is None:
            yield _NOT_RECORDED
            return
        root = Span(name="request", sink=self._sink, is_root=True, kind=SpanKind.SERVER)
        root.link = parse_trace_parent(trace_parent)
        with _as_current(root):
            yield root

    @contextmanager
    def submission(self, video_id: str) -> Iterator[Span]:
        """The submission of a new video: a part of the request, or the root span outside a request."""
        request = _current.get()
        if request.is_root and request.sink is not None and request.video_id is None:
            request.video_id = video_id
            with child_span("submit") as span:
                yield span
            return
        with _as_current(Span(name="submit", sink=self._sink, video_id=video_id, is_root=True)) as span:
            yield span

    @contextmanager
    def work(self, name: str, video_id: str, **attributes: AttributeValue) -> Iterator[Span]:
        """Work on a video outside its request, such as one step of the pipeline."""
        with _as_current(self.begin(name, video_id, **attributes)) as span:
            yield span

    def begin(self, name: str, video_id: str, **attributes: AttributeValue) -> Span:
        """As `work`, for a part that ends in another thread: call `end` on the span."""
        return Span(name=name, sink=self._sink, video_id=video_id, attributes=attributes)

    def close(self, timeout_s: float) -> None:
        """Export what was recorded. Returns after `timeout_s` at the latest."""
        if self._sink is not None:
            self._sink.close(timeout_s)


@contextmanager
def _as_current(span: Span) -> Iterator[Span]:
    """Make it the current span, and end it after the `with` block."""
    token = _current.set(span)
    try:
        yield span
    except Exception as error:
        span.fail(error)
        raise
    finally:
        _current.reset(token)
        span.end()
