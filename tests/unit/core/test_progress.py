"""The progress sink: what it keeps, what it passes on, what it ignores."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.core.progress import ProgressSink


def test_progress_is_a_percentage_that_never_falls() -> None:
    sink = ProgressSink()
    seen = []
    for done, total in ((1, 4), (0, 4), (3, 4), (9, 4), (1, 0), (-1, 4)):
        sink.report(done, total)
        seen.append(sink.percent)
    assert seen == [25, 25, 75, 100, 100, 100]


def test_a_listener_gets_every_report() -> None:
    reports: list[tuple[int, int]] = []
    sink = ProgressSink(lambda done, total: reports.append((done, total)))
    sink.report(1, 0)
    sink.report_percent(40)
    assert reports == [(1, 0), (40, 100)]
    assert sink.percent == 40


@pytest.mark.parametrize(
    "message", [None, 7, "half", {"frame": "1", "frames": 2}, {"frame": 1, "frames": None}]
)
def test_a_malformed_message_of_a_child_is_ignored(message: Any) -> None:
    sink = ProgressSink()
    sink.report_message(message)
    assert sink.percent == 0


def test_a_message_of_a_child_counts_frames() -> None:
    sink = ProgressSink()
    sink.report_message({"frame": 12, "frames": 48})
    assert sink.percent == 25
