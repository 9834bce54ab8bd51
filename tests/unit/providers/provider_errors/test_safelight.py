"""Our own wire is read back as what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.requests import Request

from safelight.core import errors
from safelight.core.errors import ConfigurationError, RequestBlocked, SafelightError
from safelight.policy.explanations import ExplanationLevel, explain
from safelight.policy.findings import SHIPPED, Cell, Finding, Modality, Stage
from safelight.policy.verdicts import Action, Verdict
from safelight.providers.protocol import Charge, ChargeStatus, ProviderRefusal
from safelight.providers.provider_errors import (
    ErrorKind,
    ErrorSource,
    ModerationStage,
    ProviderRetry,
    decode,
    decode_body,
    read,
)
from safelight.providers.provider_refusal import explain_refusal
from safelight.web.errors import HTTP_CODES, error_response, http_problem, internal_error_response

REQUEST = Request({"type": "http", "headers": [], "state": {"request_id": "req_1"}})
ANSWERED = [
    error
    for error in vars(errors).values()
    if isinstance(error, type)
    and issubclass(error, SafelightError)
    and not issubclass(error, ConfigurationError)
    and error not in (RequestBlocked, errors.ModerationBlocked, errors.UpstreamModerationBlocked)
]


def verdict(stage: Stage, **changes: Any) -> Verdict:
    finding = Finding(
        category="violence",
        score=0.9,
        modality=Modality.TEXT,
        detector="word-lists",
        version="1",
        reason="An attack.",
    )
    given = {"category": "violence", "rule": "violence", "reason": "An attack.", "findings": (finding,)}
    return Verdict(
        action=Action.BLOCK,
        stage=stage,
        subject_sha256="0" * 64,
        policy="starter",
        policy_sha256="0" * 64,
        **{**given, **changes},
    )


@pytest.mark.parametrize("error", ANSWERED, ids=lambda error: error.__name__)
def test_every_safelight_error_is_classified(error: type[SafelightError]) -> None:
    required = {
        errors.UpstreamModerationBlocked: {"refusal": None},
        errors.IdempotencyKeyInUse: {"retry_after_s": 1.0},
    }
    made = error("It did not work.", **required.get(error, {}))
    body = bytes(error_response(made, REQUEST).body).decode()
    for found in (
        decode(body),
        decode(f"openai.APIStatusError: Error code: {error.status} - {json.loads(body)}"),
    ):
        assert found.kind is not ErrorKind.UNKNOWN
        assert found.source is (
            ErrorSource.PROVIDER if issubclass(error, errors.UpstreamError) else ErrorSource.GATEWAY
        )
        assert found.summary.startswith("It did not work.")
        assert found.rule == f"safelight.{error.code}"


@pytest.mark.parametrize("status", sorted(HTTP_CODES))
def test_errors_of_the_http_layer_are_classified_as_ours(status: int) -> None:
    found = decode(bytes(http_problem(status, "No.", REQUEST).body).decode())
    assert (found.source, found.kind) == (
        ErrorSource.GATEWAY,
        ErrorKind.TIMEOUT if status == 408 else ErrorKind.INVALID_REQUEST,
    )
    assert decode(bytes(internal_error_response(REQUEST).body).decode()).kind is ErrorKind.TRANSIENT


def test_a_block_before_anything_was_spent() -> None:
    told = explain(verdict(Stage.PROMPT), SHIPPED, level=ExplanationLevel.DEVELOPER)
    body = bytes(error_response(RequestBlocked(told.sentence, details=told.as_wire()), REQUEST).body).decode()
    found = decode(body)
    assert (found.source, found.kind, found.stage) == (
        ErrorSource.GATEWAY,
        ErrorKind.CONTENT_BLOCK,
        ModerationStage.INPUT,
    )
    assert (found.category, found.charged, found.retry) == (
        "violence",
        ChargeStatus.NO,
        ProviderRetry.CHANGE_PROMPT,
    )
    assert found.next_step == told.next_step


def test_a_failed_video_of_ours() -> None:
    told = explain(verdict(Stage.OUTPUT), SHIPPED, level=ExplanationLevel.DEVELOPER)
    video = {
        "id": "video_1",
        "object": "video",
        "status": "failed",
        "error": {
            "code": "moderation_blocked",
            "message": told.sentence,
            "moderation_details": told.as_wire(),
        },
        "safelight": {
            "state": "blocked",
            "stage": "output",
            "charge": {"charged": "yes", "source": "price list"},
        },
    }
    for found in (decode(json.dumps(video)), decode_body(video), decode(repr(video))):
        assert (found.source, found.stage, found.category) == (
            ErrorSource.GATEWAY,
            ModerationStage.OUTPUT,
            "violence",
        )


def test_a_gap_is_a_transient_error_and_not_a_verdict_on_content() -> None:
    hole = Cell(category="sexual", modality=Modality.TEXT, required=True, available=True)
    told = explain(
        verdict(Stage.PROMPT, category="", rule="coverage", reason="", findings=(), gaps=(hole,)),
        SHIPPED,
        level=ExplanationLevel.DEVELOPER,
    )
    found = decode_body(
        {"error": {"code": "sentinel_block", "message": "x", "moderation_details": told.as_wire()}}
    )
    assert (found.kind, found.retry) == (ErrorKind.TRANSIENT, ProviderRetry.SAME)


def test_a_forwarded_provider_block_is_attributed_to_the_provider() -> None:
    refusal = ProviderRefusal(
        provider="veo",
        stage="output",
        category="likeness",
        code="29310472",
        message="No.",
        charged=ChargeStatus.NO,
        retry="new_seed",
    )
    sentence, details = explain_refusal(
        refusal, Charge(charged=ChargeStatus.NO, source="documented"), server="up"
    )
    body = {"code": "moderation_blocked", "message": sentence, "moderation_details": details}
    found = decode_body({"error": body, "safelight": {"state": "blocked"}})
    assert (found.source, found.provider, found.via) == (ErrorSource.PROVIDER, "veo", "safelight")
    assert (found.category, found.charged, found.retry) == (
        "likeness",
        ChargeStatus.NO,
        ProviderRetry.NEW_SEED,
    )


def test_a_refusal_of_a_reference_says_that_the_reference_must_change_and_not_the_prompt() -> None:
    for text, thing in {
        "The request failed because the input image may contain real person.": "the reference image",
        "输入图片可能包含敏感信息": "the reference image",
        "The reference video violates our content policy.": "the reference video",
        "The prompt violates our content policy.": "the prompt",
        "The input image or the prompt violates our content policy.": "the prompt",
    }.items():
        refusal = read({"error": {"message": text}})
        assert refusal is not None
        sentence, details = explain_refusal(refusal, Charge(charged=ChargeStatus.NO), server="up")
        assert details["next_step"] == f"Change {thing}.", text
        assert sentence.startswith(f"up refused {'the request' if thing == 'the prompt' else thing};")


def test_the_message_of_a_provider_is_shown_without_addresses_and_paths_of_its_network() -> None:
    message = "Flagged by redis://10.0.0.7:6379 in /srv/models/filter.py."
    refusal = ProviderRefusal(
        provider="veo",
        stage="output",
        category="",
        code="1",
        message=message,
        charged=ChargeStatus.NO,
        retry="new_seed",
    )
    _, details = explain_refusal(refusal, Charge(charged=ChargeStatus.NO), server="up")
    assert details["provider_message"] == "Flagged by [internal address] in [file]."


@pytest.mark.parametrize("with_video", [True, False])
def test_a_generation_that_our_server_stopped_is_ours_and_no_providers(with_video: bool) -> None:
    error = {"code": "moderation_blocked", "message": "The generation was stopped by a safety check."}
    video = {"id": "video_1", "status": "failed", "error": error, "safelight": {"generation": {"steps": 40}}}
    read = decode(json.dumps(video if with_video else {"error": error}))
    assert (read.source, read.provider) == (ErrorSource.GATEWAY, "safelight")
    assert (read.kind, read.stage) == (ErrorKind.CONTENT_BLOCK, ModerationStage.OUTPUT)
    assert read.charged is (ChargeStatus.NO if with_video else ChargeStatus.UNKNOWN)
    # The same code of another server is not.
    assert (
        decode(json.dumps({"error": {**error, "message": "Blocked by moderation."}})).provider != "safelight"
    )
