from __future__ import annotations

import pytest

from safelight.cli.reviews import _format_case_file
from safelight.core.i18n import load_messages
from safelight.policy.findings import Stage
from safelight.videos.case_rows import Case, CaseFile, CaseKind, CaseState
from support.commands import speaking
from support.rows import each_row


def describe(kind: CaseKind, reason: str, tag: str = "en") -> str:
    case = Case(
        id="case_1",
        tenant="default",
        video_id="video_1",
        kind=kind,
        stage=Stage.OUTPUT,
        category="violence",
        rule="needs-frames",
        reason=reason,
        state=CaseState.OPEN,
        quarantined=False,
        opened_at=0.0,
        due_at=10.0,
        closed_at=None,
    )
    with speaking(tag):
        return _format_case_file(CaseFile(case=case, decision=None, reports=0, notes=()), 0.0)


@pytest.mark.parametrize("tag", ["en", "zh-Hant", "zh-Hans"])
def test_a_case_of_a_missing_check_has_the_words_of_the_page_and_no_category(tag: str) -> None:
    text = describe(CaseKind.HOLD, "Not checked: violence in frames. 14 frames were not scanned.", tag)
    words = load_messages("console", tag)
    assert words("review.incomplete") in text
    assert "needs-frames" in text
    for category in ("violence", words("category.violence")):
        assert category not in text
    assert words("category.violence") in describe(CaseKind.HOLD, "A word.", tag)


@each_row
def test_the_possible_decisions_are_the_commands_with_what_they_do(kind: CaseKind, choices: str) -> None:
    assert f"possible decisions: {choices}" in describe(kind, "A word.")
