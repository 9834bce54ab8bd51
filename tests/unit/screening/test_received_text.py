"""Texts of reports and appeals that threaten or insult their reader are found, and none is refused."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import Depth
from safelight.screening.received_text import ReceivedTextScreen, has_threat
from safelight.screening.text_screening import ScreeningState, TextScreening, decode, join
from support.rows import each_row
from support.verdicts import checked_cell

THREATS = [
    "Restore it or I will find you and your family.",
    "We're going to burn your office.",
    "i'm coming to your house tonight",
    "You will regret this.",
    "Delete this or you are dead",
    "Someone should shoot all the moderators.",
    "我知道你住哪，我會殺了你。",
    "再不恢复就弄死你们全家",
    "你們給我等著，去死吧你們全家去死",
    "我要炸掉你們公司",
]


@each_row
def test_a_threat_to_the_reader_is_found(text: str) -> None:
    assert has_threat(text)


@each_row
def test_an_ordinary_text_is_no_threat(text: str) -> None:
    assert not has_threat(text)


@given(st.text(max_size=4000))
def test_no_text_raises_an_error(text: str) -> None:
    has_threat(text)


class _Pipeline:
    """Text detectors that fill these cells and find nothing, or raise an error."""

    def __init__(self, *, complete: bool = True, depth: Depth = Depth.LEARNED, error: bool = False) -> None:
        self._error = error
        self._cells = [checked_cell(name, complete=complete, depth=depth) for name in ("harassment", "hate")]

    def screen(self, fields: Mapping[str, str]) -> Any:
        if self._error:
            raise RuntimeError("out of memory")
        return SimpleNamespace(findings=(), cells=self._cells)


def _screen(pipeline: _Pipeline, text: str = "A text of some length about nothing.") -> TextScreening:
    return ReceivedTextScreen(cast(TextPipeline, pipeline)).screen((text,))


def test_a_text_is_clear_only_if_the_checks_for_insults_were_complete() -> None:
    assert _screen(_Pipeline()).state is ScreeningState.CLEAR
    assert _screen(_Pipeline(complete=False)).state is ScreeningState.NOT_CHECKED
    assert _screen(_Pipeline(depth=Depth.LISTS)).state is ScreeningState.NOT_CHECKED
    assert _screen(_Pipeline(depth=Depth.LISTS), "fake").state is ScreeningState.CLEAR
    assert _screen(_Pipeline(), "").state is ScreeningState.CLEAR


def test_an_error_of_the_detectors_leaves_a_text_unchecked_and_is_not_raised() -> None:
    assert _screen(_Pipeline(error=True)).state is ScreeningState.NOT_CHECKED


def test_a_threat_is_flagged_though_no_detector_reports_it() -> None:
    found = _screen(_Pipeline(complete=False), THREATS[0])
    assert found == TextScreening(state=ScreeningState.FLAGGED, kinds=("harassment",))
    assert decode(found.encode()) == found


def test_the_result_for_several_texts_is_the_gravest() -> None:
    flagged = TextScreening(state=ScreeningState.FLAGGED, kinds=("hate",))
    clear = TextScreening(state=ScreeningState.CLEAR)
    assert join([]) is None
    assert join([clear, clear]) == clear
    assert join([clear, decode(None)]) == decode(None)
    assert join([clear, flagged, decode(None)]) == flagged
