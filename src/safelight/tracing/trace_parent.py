"""The header `traceparent` of W3C Trace Context, which names the trace of a client."""

from __future__ import annotations

import re
from dataclasses import dataclass

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
