"""Errors of providers: what is left of them without the prompt and the other parts of the request."""

from __future__ import annotations

import json
from dataclasses import replace

from safelight.core.i18n import load_messages
from safelight.providers.attempts.claim import build_claim
from safelight.providers.attempts.claim_text import claim_table, write_markdown
from safelight.providers.attempts.error_text import withhold_prompt
from safelight.providers.attempts.models import AttemptOrigin
from support.rows import each_row

from .test_claim import NOW, REFUSED

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


def test_a_claim_and_an_export_without_prompts_have_none_in_the_error() -> None:
    echo = replace(
        REFUSED,
        origin=AttemptOrigin.IMPORTED,
        prompt=PROMPT,
        error=json.dumps({"code": "refused", "input": {"prompt": PROMPT}}),
    )
    claim = build_claim([echo], now=NOW)
    written = (
        write_markdown(claim, load_messages("attempts"), withhold_prompts=True),
        json.dumps(claim.as_json(withhold_prompts=True)),
        str(claim_table(claim, withhold_prompts=True)),
    )
    for text in written:
        assert "rooftop" not in text
        assert "refused" in text
    assert "rooftop" in write_markdown(claim, load_messages("attempts"), withhold_prompts=False)


def test_an_empty_list_and_the_reasons_of_a_filter_are_kept() -> None:
    body = {"response": {"videos": [], "raiMediaFilteredReasons": ["Support codes: 1"]}, "user": {"id": 1}}
    kept = {"response": {"videos": [], "raiMediaFilteredReasons": ["Support codes: 1"]}}
    assert json.loads(withhold_prompt(json.dumps(body), None)) == kept
    assert withhold_prompt(json.dumps({"secret": "x"}), None) == ""
