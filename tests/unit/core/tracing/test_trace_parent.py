from __future__ import annotations

import pytest

from safelight.core.tracing.tracer import TraceParent, parse_trace_parent
from support.rows import each_row

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize("flags", ["00", "01", "ff"])
def test_a_valid_header_names_trace_and_span(flags: str) -> None:
    found = parse_trace_parent(f"00-{TRACE}-{SPAN}-{flags}")
    assert found == TraceParent(trace_id=int(TRACE, 16), span_id=int(SPAN, 16))


@each_row
def test_an_invalid_header_is_ignored(header: str | None) -> None:
    assert parse_trace_parent(header) is None
