"""Errors of providers: what is left of them without the prompt and the other parts of the request."""

from __future__ import annotations

import json
from dataclasses import replace

from safelight.providers.attempts.error_text import withhold_prompt
from safelight.providers.attempts.models import AttemptOrigin
from support.rows import each_row

from .test_charges import REFUSED

PROMPT = 'A child named "Kim" alone\non a rooftop, 夜晚'


@each_row
def test_a_withheld_prompt_is_not_in_the_error_either(error: str) -> None:
    left = withhold_prompt(error, PROMPT)
    assert "Kim" not in left
    assert "rooftop" not in left
    assert "refused" in left


def test_without_a_stored_prompt_only_code_and_message_are_left() -> None:
    body = {"code": "refused", "message": "flagged", "input": {"prompt": PROMPT}, "texts": [PROMPT]}
    assert json.loads(withhold_prompt(json.dumps(body), None)) == {"code": "refused", "message": "flagged"}
    assert "rooftop" not in withhold_prompt(f"HTTP 400 bad request\nsent: {{'prompt': {PROMPT!r}}}", None)


def test_an_export_without_prompts_has_none_in_the_error() -> None:
    echo = replace(
        REFUSED,
        origin=AttemptOrigin.IMPORTED,
        prompt=PROMPT,
        error=json.dumps({"code": "refused", "input": {"prompt": PROMPT}}),
    )
    text = json.dumps(echo.as_json(withhold_prompt=True))
    assert "rooftop" not in text
    assert "refused" in text
    assert "rooftop" in json.dumps(echo.as_json())


def test_an_empty_list_and_the_reasons_of_a_filter_are_kept() -> None:
    body = {"response": {"videos": [], "raiMediaFilteredReasons": ["Support codes: 1"]}, "user": {"id": 1}}
    kept = {"response": {"videos": [], "raiMediaFilteredReasons": ["Support codes: 1"]}}
    assert json.loads(withhold_prompt(json.dumps(body), None)) == kept
    assert withhold_prompt(json.dumps({"secret": "x"}), None) == ""
