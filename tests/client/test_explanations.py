"""Errors and failed videos explain themselves."""

from __future__ import annotations

from typing import Any

import error_rules
import pytest

import safelight_client as sc
from safelight.generation.provider_errors import decode_body
from safelight_client.error_rules import load_table

GATEWAY_BLOCK: dict[str, Any] = {
    "error": {
        "message": "Blocked before generation.",
        "code": "sentinel_block",
        "moderation_details": {
            "moderation_stage": "input",
            "stage": "prompt",
            "charged": {"charged": "no"},
            "retry": {"action": "change_prompt", "after_s": None},
            "next_step": "Change the prompt.",
        },
        "safelight": {"request_id": "req_1"},
    }
}


def test_the_table_is_generated_from_the_rules_of_the_server_package() -> None:
    assert error_rules.TABLE.read_text("utf-8") == error_rules.rendered()


def test_a_block_of_the_gateway_is_explained_in_its_own_words() -> None:
    found = sc.explain(GATEWAY_BLOCK)
    assert found is not None
    assert (found.stage, found.charged, found.retry, found.next_step, found.by_provider) == (
        "prompt",
        "no",
        "change_prompt",
        "Change the prompt.",
        False,
    )


BLOCKED_AT_THE_OUTPUT = {"code": "moderation_blocked", "moderation_details": {"moderation_stage": "output"}}
SENTENCE = {"message": "Your request was blocked by our moderation system.", "code": None}
FASTAPI = {"detail": [{"type": "missing", "loc": ["body", "prompt"], "msg": "Field required"}]}


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        ({"error": {"code": "moderation_blocked"}}, "content_block unknown unknown change_prompt"),
        ({"error": BLOCKED_AT_THE_OUTPUT}, "content_block output unknown new_seed"),
        ({"error": SENTENCE}, "content_block unknown unknown change_prompt"),
        ({"error": {"code": "insufficient_quota"}}, "quota admission no never"),
        ({"error": {"code": "invalid_api_key"}}, "auth admission no never"),
        (FASTAPI, "invalid_request admission no never"),
        ({"error": {"code": "something_new"}}, "unknown unknown unknown unknown"),
    ],
)
def test_errors_of_bare_servers_are_explained_by_the_table(body: dict[str, Any], meaning: str) -> None:
    found = sc.explain(body)
    assert found is not None
    assert [found.kind, found.stage, found.charged, found.retry] == meaning.split()


def test_the_prompt_in_an_error_is_not_read_as_the_words_of_the_server() -> None:
    body = {"error": {"code": "x", "message": "y"}, "prompt": "A film called content policy violation"}
    found = sc.explain(body)
    assert found is not None
    assert found.kind == "unknown"


@pytest.mark.parametrize(
    "code", ["moderation_blocked", "sentinel_block", "content_policy_violation", "rate_limit_exceeded"]
)
def test_the_client_and_the_server_package_agree_on_common_codes(code: str) -> None:
    body = {"error": {"message": "x", "type": "invalid_request_error", "param": None, "code": code}}
    ours, theirs = sc.explain(body), decode_body(body)
    assert ours is not None
    assert (ours.kind, ours.charged) == (theirs.kind.value, theirs.charged.value)


def test_a_failed_video_explains_itself_and_a_completed_one_has_nothing_to_explain() -> None:
    video = {"id": "video_1", "status": "failed", "error": {"code": "generation_failed", "message": "Oops"}}
    found = sc.explain({**video, "usage": {"cost": 0.4}})
    assert found is not None
    assert (found.charged, found.message) == ("yes", "Oops")
    assert sc.explain({"id": "video_1", "status": "completed"}) is None


def test_what_is_not_a_video_or_an_error_is_refused() -> None:
    with pytest.raises(TypeError):
        sc.explain(3)


@pytest.mark.parametrize("status", ["succeeded", "COMPLETED", "done"])
def test_statuses_of_other_servers_are_known(status: str) -> None:
    from safelight_client.video import read_video

    assert read_video({"id": "v", "status": status}).status == "completed"
    assert read_video({"id": "v", "status": "a-new-word"}).status == "in_progress"
    assert load_table()["statuses"]["processing"] == "running"


def test_an_sdk_exception_with_the_body_of_fastapi_is_explained() -> None:
    class ApiStatusError(Exception):
        status_code, body = 422, FASTAPI

    found = sc.explain(ApiStatusError("Error code: 422"))
    assert found is not None
    assert (found.kind, found.message, found.charged) == ("invalid_request", "Field required", "no")
