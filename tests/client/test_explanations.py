"""Errors and failed videos explain themselves."""

from __future__ import annotations

from typing import Any

import error_rules
import pytest

import safelight_client as sc
from safelight.providers.provider_errors import decode_body
from safelight_client.error_meanings import explain_response
from safelight_client.error_rules import load_table, read_error

ANSWERS = error_rules.read_answers()

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


def test_the_patterns_are_read_alike_by_python_and_javascript() -> None:
    for pattern in error_rules.patterns():
        assert error_rules.SHARED.fullmatch(pattern), pattern


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row["name"])
def test_an_answer_means_the_same_as_for_the_server(row: dict[str, Any]) -> None:
    found = read_error(row["body"], row.get("status"), row.get("headers", {}))
    assert {name: getattr(found, name) for name in row["means"]} == row["means"]


@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: row["name"])
def test_an_explanation_never_says_more_than_the_table(row: dict[str, Any]) -> None:
    found = explain_response(row["body"], row.get("status"), row.get("headers", {}))
    means = row["means"]
    assert (found.kind, found.provider, found.category) == (
        means["kind"],
        means["provider"],
        means["category"],
    )
    assert found.charged in (means["charged"], "unknown")
    assert found.retry in (means["retry"], "unknown")


@pytest.mark.parametrize("text", error_rules.read_texts())
def test_a_text_means_the_same_as_for_the_server(text: str) -> None:
    body = {"error": {"code": "x", "message": text}}
    found, wanted = read_error(body, None, {}), decode_body(body)
    for name in ("rule", *ANSWERS[0]["means"]):
        assert getattr(found, name) == getattr(wanted, name)


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


@pytest.mark.parametrize("code", ["server_error", "InternalServerError", "request_timeout"])
def test_a_failure_of_any_server_is_never_said_to_be_free(code: str) -> None:
    """A rule for own hardware or for the prices of one provider does not hold for another server."""
    found = sc.explain({"error": {"code": code, "type": code, "message": "x"}})
    assert found is not None
    assert (found.charged, found.retry) == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("body", "charged"),
    [
        (
            {"code": "moderation_blocked", "message": "Support codes: 29310472. Veo could not generate"},
            "unknown",
        ),
        ({"code": "invalid_api_key", "message": "x"}, "no"),
        ({"message": "Something went wrong. Your credits have been refunded."}, "no"),
    ],
)
def test_a_charge_is_that_of_no_single_provider_unless_the_error_states_it(
    body: dict[str, Any], charged: str
) -> None:
    """A provider does not charge for a filtered video; the server may be a reseller that does."""
    found = sc.explain({"error": body})
    assert found is not None
    assert found.charged == charged


def test_a_cost_of_0_is_no_statement_before_the_video_has_ended() -> None:
    from safelight_client.video import read_video

    running = {"id": "v", "status": "in_progress", "usage": {"cost": 0}}
    assert read_video(running).charged == "unknown"
    assert read_video({**running, "status": "completed"}).charged == "no"


def test_a_failed_video_is_explained_by_all_that_the_server_says_about_it() -> None:
    video = {
        "id": "v",
        "status": "failed",
        "failure_reason": "input_moderation",
        "error": {"message": "Oops"},
    }
    found = sc.explain(video)
    assert found is not None
    assert (found.is_block, found.stage, found.message) == (True, "input", "Oops")
    # Words of the request are not those of the server.
    found = sc.explain({"id": "v", "status": "failed", "metadata": {"title": "Content policy violation"}})
    assert found is not None
    assert (found.is_block, found.message) == (False, "")


def test_a_job_that_failed_was_not_a_refused_request() -> None:
    found = sc.explain({"id": "v", "status": "failed", "error": {"code": "rate_limit_exceeded"}})
    assert found is not None
    assert (found.charged, found.retry) == ("unknown", "unknown")


def test_an_sdk_exception_of_a_poll_says_nothing_about_the_charge() -> None:
    class Poll:
        method = "GET"

    class ApiStatusError(Exception):
        status_code, body, request = 401, {"code": "invalid_api_key"}, Poll()

    found = sc.explain(ApiStatusError("Error code: 401"))
    assert found is not None
    assert (found.kind, found.charged) == ("auth", "unknown")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, -1, "nan"])
def test_numbers_that_are_none_are_not_read(number: Any) -> None:
    from safelight_client.video import read_video

    video = {"id": "v", "status": "failed", "created_at": number, "progress": number}
    found = read_video({**video, "usage": {"cost": number}, "error": {"code": "x"}})
    assert (found.created_at, found.progress, found.charged) == (None, 0, "unknown")
    retry = {"action": "never", "after_s": number}
    told = sc.explain({"error": {"code": "x", "moderation_details": {"retry": retry}}})
    assert told is not None
    assert told.after_s is None


def test_a_time_without_an_offset_is_that_of_utc() -> None:
    from safelight_client.video import read_video

    times = [
        read_video({"id": "v", "status": "queued", "created_at": text}).created_at
        for text in ("2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00")
    ]
    assert times == [1767225600.0] * 3
