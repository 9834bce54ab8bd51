"""The record of a video says in each language whether its file has a watermark."""

from __future__ import annotations

import pytest

from safelight.policy.findings import SHIPPED
from safelight.provenance.seal import MarkState
from safelight.videos.models import VideoRecord
from safelight.web.console.timeline import record_view
from safelight.web.translations import load_languages
from support.fake_api_server import a_video

LANGUAGES = load_languages()


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_each_state_of_the_mark_has_its_own_words(language: str) -> None:
    words = {_shown(state.value, language) for state in MarkState}
    assert len(words) == len(MarkState)
    assert "" not in words


def test_a_changed_row_with_an_unknown_state_is_still_shown() -> None:
    assert _shown("unknown", "en") == ""


def _shown(state: str, language: str) -> str:
    seal = {"mark": {"state": state}}
    record = VideoRecord(video=a_video(), stages=(), attempts=(), seal=seal, audit_log=())
    return record_view(record, SHIPPED, LANGUAGES[language]).mark
