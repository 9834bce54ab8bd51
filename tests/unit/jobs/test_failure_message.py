from __future__ import annotations

import pytest

from safelight.i18n import translate_sentence
from safelight.jobs.failure_message import late_sentence


@pytest.mark.parametrize(
    ("deadline_s", "limit", "translated"),
    [
        (1800.0, "30 min", "30 分鐘"),
        (90.0, "90 s", "90 秒"),
        (150.0, "150 s", "150 秒"),
        (2.0, "2 s", "2 秒"),
    ],
)
def test_a_long_deadline_is_given_in_minutes(deadline_s: float, limit: str, translated: str) -> None:
    text = late_sentence(deadline_s)
    assert text == f"The video was not finished within {limit}."
    assert translated in (translate_sentence("provider_errors", text, "zh-Hant") or "")
