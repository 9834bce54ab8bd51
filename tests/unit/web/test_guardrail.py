"""What is read from a request of LiteLLM's Generic Guardrail API, and what is answered."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from safelight.core.errors import InvalidField, UnsupportedField
from safelight.policy.verdicts import Action
from safelight.providers.advice.check_result import CheckResult
from safelight.web.api.guardrail import guardrail_answer, read_content

ASKED: dict[str, Any] = {"input_type": "request", "texts": ["a lake"], "request_data": {}, "tools": None}


def answer(action: Action, **more: Any) -> dict[str, str]:
    found = {"action": action, "undecided": False, "template_required": False, "summary": "Why.", **more}
    return guardrail_answer(cast(CheckResult, SimpleNamespace(**found)))


def test_texts_are_one_prompt_and_bare_base64_is_a_picture() -> None:
    prompt, pictures = read_content(
        ASKED | {"texts": ["a lake", "at night"], "images": ["aGk=", "https://a.example/b.png"]},
        max_chars=100,
    )
    assert prompt == "a lake\n\nat night"
    assert pictures == {"images[0]": "data:;base64,aGk=", "images[1]": "https://a.example/b.png"}


def test_parts_that_litellm_extracted_are_accepted() -> None:
    parts = [{"type": "text", "text": "a lake"}, {"type": "image_url", "image_url": {"url": "https://a"}}]
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}]
    assert read_content(ASKED | {"structured_messages": messages}, max_chars=100)[0] == "a lake"


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"input_type": "response"}, InvalidField),
        ({"input_type": None}, InvalidField),
        ({"tools": [{"type": "function"}]}, UnsupportedField),
        ({"tool_calls": [{"type": "function"}]}, UnsupportedField),
        ({"videos": ["aGk="]}, UnsupportedField),
        ({"structured_messages": [{"content": [{"type": "input_audio"}]}]}, InvalidField),
        ({"structured_messages": [{"content": ["text"]}]}, InvalidField),
        ({"texts": []}, InvalidField),
        ({"texts": [" "]}, InvalidField),
        ({"texts": [7]}, InvalidField),
        ({"texts": ["a\0b"]}, InvalidField),
        ({"texts": ["a" * 101]}, InvalidField),
        ({"texts": ["a"] * 65}, InvalidField),
        ({"images": ["aGk="] * 9}, InvalidField),
    ],
    ids=str,
)
def test_what_is_not_checked_is_refused(more: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        read_content(ASKED | more, max_chars=100)


def test_only_an_allowed_request_goes_on() -> None:
    assert answer(Action.ALLOW) == answer(Action.LABEL) == {"action": "NONE"}
    assert answer(Action.BLOCK) == {"action": "BLOCKED", "blocked_reason": "Why."}
    assert answer(Action.HOLD)["blocked_reason"] == "Why. LiteLLM cannot wait for a review."
    assert answer(Action.ALLOW, template_required=True)["action"] == "BLOCKED"
    late = answer(Action.ALLOW, undecided=True, not_checked={"images[0]": None})
    assert late == {
        "action": "BLOCKED",
        "blocked_reason": "The check of images[0] was not finished in time.",
    }
