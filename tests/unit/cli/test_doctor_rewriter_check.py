from __future__ import annotations

import pytest

from safelight.cli.doctor_rewriter_check import rewriter
from safelight.i18n import translate_sentence
from safelight.settings.advice import RewriterSettings

URL = "http://127.0.0.1:9000/v1"


@pytest.mark.parametrize(
    ("settings", "has_key", "state", "said"),
    [
        ({}, False, "off", "no prompt is sent"),
        ({"url": URL, "model": "m"}, False, "ok", URL),
        ({"url": URL, "model": "m", "api_key_env": "KEY"}, True, "ok", URL),
        ({"url": URL, "model": "m", "api_key_env": "KEY"}, False, "warning", "“KEY”"),
    ],
)
def test_the_check_says_whether_prompts_leave_the_machine(
    settings: dict[str, str], has_key: bool, state: str, said: str
) -> None:
    found = rewriter(RewriterSettings(**settings), has_key=has_key)  # type: ignore[arg-type]
    assert (found.name, found.state) == ("rewriter", state)
    assert said in found.message
    for language in ("zh-Hant", "zh-Hans"):
        assert translate_sentence("doctor", found.message, language)
