from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.providers.protocol import ChargeStatus
from safelight.providers.provider_errors import read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def test_a_sentinel_block_costs_nothing_and_may_be_retried() -> None:
    refusal = read(
        {
            "error": {
                "code": "sentinel_block",
                "message": "Hmmm something didn't look right with your request. "
                "Please try again later or visit help.openai.com if this issue persists.",
            }
        }
    )
    assert refusal is not None
    assert (refusal.stage, refusal.charged, refusal.retry) == ("input", ChargeStatus.NO, "same")


def test_a_moderation_block_without_details_has_unknown_stage_and_charge() -> None:
    refusal = read(
        {"code": "moderation_blocked", "message": "Your request was blocked by our moderation system."}
    )
    assert refusal is not None
    assert (refusal.stage, refusal.category, refusal.charged) == ("unknown", "", ChargeStatus.UNKNOWN)
    assert refusal.retry == "change_prompt"


def test_the_old_message_gives_stage_and_category_without_a_code() -> None:
    refusal = read(
        {
            "error": {
                "code": None,
                "message": "The request is blocked by our moderation system when checking inputs. "
                "Possible reasons: self-harm",
            }
        }
    )
    assert refusal is not None
    assert (refusal.stage, refusal.category) == ("input", "self-harm")


def test_moderation_details_are_used() -> None:
    refusal = read(
        {
            "error": {
                "code": "moderation_blocked",
                "message": "No.",
                "moderation_details": {
                    "moderation_stage": "output",
                    "categories": ["made-up", "violence"],
                    "charged": "yes",
                    "retry": "same",
                },
            }
        }
    )
    assert refusal is not None
    assert (refusal.stage, refusal.category) == ("output", "violence")
    assert (refusal.charged, refusal.retry) == (ChargeStatus.YES, "same")


def test_a_block_about_minors_is_never_retried() -> None:
    details = {"categories": ["violence", "sexual/minors"], "retry": "same"}
    refusal = read({"error": {"code": "moderation_blocked", "moderation_details": details}})
    assert refusal is not None
    assert (refusal.category, refusal.retry) == ("sexual/minors", "never")


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "rate_limited", "message": "Too many requests."}},
        {"error": {"code": "server_error", "message": "The moderation service is down."}},
        {"error": None},
        {"error": "out of memory"},
        {"detail": "prompt is required"},
        {},
        [],
        None,
        "moderation_blocked",
    ],
)
def test_other_errors_are_not_refusals(body: object) -> None:
    assert read(body) is None


@settings(deadline=None)
@given(JSON)
def test_any_body_is_read_without_error(body: object) -> None:
    read(body)
    read({"error": body})
    read({"error": {"code": "moderation_blocked", "message": body, "moderation_details": body}})


@settings(deadline=None)
@given(JSON, JSON, JSON)
def test_a_refusal_always_has_known_stages_and_retry_values(
    stage: object, categories: object, charged: object
) -> None:
    details = {"moderation_stage": stage, "categories": categories, "charged": charged, "retry": stage}
    refusal = read({"error": {"code": "moderation_blocked", "moderation_details": details}})
    assert refusal is not None
    assert refusal.stage in {"input", "output", "unknown"}
    assert refusal.retry in {"same", "new_seed", "change_prompt", "never"}
