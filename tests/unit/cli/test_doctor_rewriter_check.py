from __future__ import annotations

from safelight.app.settings.advice import RewriterSettings
from safelight.cli.doctor_rewriter_check import rewriter
from safelight.core.i18n import translate_sentence
from support.rows import each_row

URL = "http://127.0.0.1:9000/v1"


@each_row
def test_the_check_says_whether_prompts_leave_the_machine(
    settings: dict[str, str], key: str, state: str, said: str
) -> None:
    found = rewriter(RewriterSettings(**settings), key=key)  # type: ignore[arg-type]
    assert (found.name, found.state) == ("rewriter", state)
    assert said in found.message
    for language in ("zh-Hant", "zh-Hans"):
        assert translate_sentence("doctor", found.message, language)
        assert not found.remedy or translate_sentence("doctor", found.remedy, language)
