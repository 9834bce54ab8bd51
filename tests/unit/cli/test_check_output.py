from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from safelight.cli.check_output import _further_checks
from safelight.policy.findings import Cell, Modality
from support.commands import speaking

LATE = "minilm did not finish within its time. The 3 s for the whole text were over."


@pytest.mark.parametrize(
    ("language", "said", "unmeasured"),
    [
        (
            "en",
            "The other 2 were not completed: Hate, Violence. Not fully checked: Sexual content (audio). "
            "Why: semantic classifier (MiniLM) did not finish within its time. "
            "The 3 s for the whole text were over.",
            "Text: 1 of 3 checks ran; how much this set",
        ),
        (
            "zh-Hant",
            "其餘 2 項未完成：仇恨、暴力。未完整檢查：性相關內容（聲音）。"
            "原因：語意分類器（MiniLM）沒有在時限內完成。檢查整段文字的 3 秒時限已到。",
            "文字：3 項檢查中執行了 1 項；",
        ),
    ],
)
def test_the_number_of_missing_text_checks_is_given_with_the_reason(
    language: str, said: str, unmeasured: str
) -> None:
    late: Any = {"modality": Modality.TEXT, "available": True, "note": LATE}
    gap = Cell(category="sexual", modality=Modality.AUDIO, required=True)
    done = Cell(category="privacy", modality=Modality.TEXT, available=True, ran=True, complete=True)
    cells = (*(Cell(category=name, **late) for name in ("hate", "violence")), gap, done)
    with speaking(language):
        lines = list(_further_checks(SimpleNamespace(coverage=cells, lists_only=())))
    assert ("" if language != "en" else " ").join(lines[1:-1]) == said
    assert lines[-1].startswith(unmeasured)
    assert "1" in lines[0]
    assert "3" in lines[0]
