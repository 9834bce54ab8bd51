from __future__ import annotations

from safelight.console.timeline import merge_spans


def test_spans_that_overlap_or_almost_touch_become_one() -> None:
    assert merge_spans([(2.0, 3.0), (0.0, 1.0), (2.5, 4.0), (4.5, 4.6), (9.0, 9.0)]) == (
        (0.0, 4.6),
        (9.0, 9.0),
    )
    assert merge_spans([]) == ()
