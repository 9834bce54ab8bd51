from __future__ import annotations

from typing import Any

import pytest

from safelight_lab.commands.eval_output import format_advice_report, format_clip_report
from support.commands import speaking

CELL = {"category": "sexual", "modality": "frames", "recall": 0.5, "recall_interval": (0.2, 0.8)}
SPENT = {"cpu_s_per_video_s": 0.5, "video_s": 12}
CLIPS: dict[str, Any] = {
    "data": {"n": 3, "prompts": 1},
    "cells": [
        {**CELL, "state": "measured", "found": 1, "segments": 2, "false_alarms": 0, "safe_clips": 4},
        {**CELL, "category": "hate", "state": "unmeasured", "recall": None},
    ],
    "groups": [{"group": "cards", "found": 1, "segments": 2, "recall_interval": (0.2, 0.8)}],
    "clips": {"safe": {"n": 4, "blocked": 1, "intervals": {}}},
    "cost": {**SPENT, "groups": {"cards": SPENT}},
}


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        (
            "en",
            [
                "3 clips, 1 of them evaluated with their prompt",
                "Sexual content (frames): 1 of 2 found (20.0-80.0 %), 0 false alarms in 4",
                "unmeasured: Hate (frames)",
                "cards: 1 of 2 found (20.0-80.0 %)",
                "safe: n 4, blocked 1",
                "cost: 0.5 CPU s per second of video, over 12 s",
                "cost of cards: 0.5 CPU s per second of video, over 12 s",
            ],
        ),
        (
            "zh-Hant",
            [
                "3 個片段，其中 1 個連同提示詞一起評估",
                "性相關內容（影格）：2 段中找到 1 段（20.0-80.0 %），4 個無害片段，誤報 0 次",
                "尚未測量：仇恨（影格）",
                "cards：2 段中找到 1 段（20.0-80.0 %）",
                "safe: n 4, blocked 1",
                "運算量：每秒影片 0.5 CPU 秒，共 12 秒影片",
                "cards 的運算量：每秒影片 0.5 CPU 秒，共 12 秒影片",
            ],
        ),
    ],
)
def test_the_report_on_clips_is_in_the_chosen_language(language: str, wanted: list[str]) -> None:
    with speaking(language):
        assert format_clip_report(CLIPS).splitlines() == wanted


def test_the_report_on_advice_gives_counts_with_intervals() -> None:
    share = {"k": 1, "interval": (0.1, 0.9)}
    row = {"source": "a", "label": "safe", "part": "all", "value": "", "n": 2, "refusals": {"words": 1}}
    row["rewrites"] = {"asked": 1, "received": 3}
    report = {
        "rows": [{**row, "suggestions": share, "asked": share, "refused": share}],
        "model_hash": "m" * 64,
        "advice_hash": "a" * 64,
    }
    assert format_advice_report(report).splitlines() == [
        "a safe all: any suggestion 1 of 2 (10.0-90.0 %), asked a question 1 of 2 (10.0-90.0 %), "
        "help refused 1 of 2 (10.0-90.0 %) [words 1]",
        "  asked 1, received 3",
        f"model {'m' * 16}, advice {'a' * 16}",
    ]
