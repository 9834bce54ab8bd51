from __future__ import annotations

import pytest

from safelight.cli.doctor_rewriter_check import rewriter
from safelight.i18n import translate_sentence
from safelight.settings.advice import RewriterSettings

URL = "http://127.0.0.1:9000/v1"


@pytest.mark.parametrize(
    ("settings", "key", "state", "said"),
    [
        ({}, "", "off", "no prompt is sent"),
        ({"url": URL, "model": "m"}, "", "ok", URL),
        ({"url": URL, "model": "m", "api_key_env": "KEY"}, "sk-1", "ok", URL),
        ({"url": URL, "model": "m", "api_key_env": "KEY"}, "", "warning", "“KEY” of"),
        ({"url": URL, "model": "m", "api_key_env": "KEY"}, "sk-…abc", "warning", "“KEY” has"),
        ({"url": URL, "model": "m", "api_key_env": "KEY"}, "sk-\nabc", "warning", "“KEY” has"),
    ],
)
def test_the_check_says_whether_prompts_leave_the_machine(
    settings: dict[str, str], key: str, state: str, said: str
) -> None:
    found = rewriter(RewriterSettings(**settings), key=key)  # type: ignore[arg-type]
    assert (found.name, found.state) == ("rewriter", state)
    assert said in found.message
    for language in ("zh-Hant", "zh-Hans"):
        assert translate_sentence("doctor", found.message, language)
        assert not found.remedy or translate_sentence("doctor", found.remedy, language)
