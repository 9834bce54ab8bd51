from __future__ import annotations

from typing import Any

import pytest

from safelight.core.errors import InvalidField
from safelight.videos.requests.request import RetryTerms
from safelight.web import create_request as retry_terms
from safelight.web.create_request import read_retry_terms
from support.rows import each_row

PROMPT = "Two old women alone on a rooftop at night, a sign says “Open”"
VARIATION = "Two old women quietly on an observation deck at dusk, a sign says “Open”"


def read(value: Any, prompt: str = PROMPT) -> RetryTerms | None:
    return read_retry_terms(value, prompt, max_prompt_chars=200)


@pytest.mark.parametrize(
    ("value", "terms"),
    [
        (None, None),
        ({}, None),
        ({"retry": None}, None),
        ({"retry": False}, None),
        ({"retry": {"same": False}}, None),
        ({"retry": True}, RetryTerms(same=True)),
        ({"retry": "true"}, RetryTerms(same=True)),
        ({"retry": {"same": "true"}}, RetryTerms(same=True)),
        ({"retry": {"variation": VARIATION}}, RetryTerms(variation=VARIATION)),
        ({"retry": {"same": True, "variation": VARIATION}}, RetryTerms(same=True, variation=VARIATION)),
    ],
)
def test_the_terms_are_read_from_json_and_from_forms(value: Any, terms: RetryTerms | None) -> None:
    assert read(value) == terms


@each_row
def test_wrong_terms_are_refused_by_name(value: Any, field: str) -> None:
    with pytest.raises(InvalidField) as wrong:
        read(value)
    assert wrong.value.param == field


@each_row
def test_a_variation_that_changes_who_number_age_identity_or_visible_text_is_refused(
    variation: str, slot: str
) -> None:
    with pytest.raises(InvalidField, match=slot) as wrong:
        read({"retry": {"variation": variation}})
    assert wrong.value.param == "safelight.retry.variation"


@pytest.mark.parametrize(
    "same", [PROMPT, PROMPT.upper(), f"  {PROMPT.replace(' ', '  ')} ", "Ｔ" + PROMPT[1:]]
)
def test_a_variation_that_is_the_prompt_itself_is_refused(same: str) -> None:
    with pytest.raises(InvalidField, match="the prompt itself") as wrong:
        read({"retry": {"same": True, "variation": same}})
    assert wrong.value.param == "safelight.retry.variation"


@each_row
def test_a_variation_that_adds_youth_undress_or_school_is_refused(prompt: str, variation: str) -> None:
    with pytest.raises(InvalidField) as wrong:
        read({"retry": {"variation": variation}}, prompt)
    assert wrong.value.param == "safelight.retry.variation"


def test_a_variation_may_keep_and_leave_out_the_words_of_the_prompt_about_school() -> None:
    prompt = "a teacher alone in an empty school at night"
    for variation in ("a teacher quietly in an empty school at dusk", "a teacher in an empty house"):
        assert read({"retry": {"variation": variation}}, prompt) == RetryTerms(variation=variation)


def test_a_prompt_that_is_too_long_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr(retry_terms, "find_fixed_changes", lambda text, _other: compared.append(text))
    assert read({"retry": {"variation": VARIATION}}, "a cat " * 100) == RetryTerms(variation=VARIATION)
    assert compared == []
