from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest

from safelight.core.errors import (
    DeadlineExceeded,
    RefusalBudgetUsed,
    SafelightError,
    SubmissionUnconfirmed,
    UpstreamError,
)
from safelight.providers.protocol import Billing, Charge, ChargeStatus, ProviderRefusal
from safelight.providers.provider_refusal import explain_refusal
from safelight.videos.failure_message import NOTHING_SENT, describe_failure
from safelight.videos.models import Attempt
from safelight.videos.reinstatement import describe_release
from safelight.web.explained_video import translate_sentences
from safelight.web.translations import load_languages
from support.rows import each_row

LATE = DeadlineExceeded("The video was not finished within 120 s.")
FAILED = UpstreamError("wan failed: out of memory.")
LOST = SubmissionUnconfirmed("")
USED = RefusalBudgetUsed(
    "wan has refused as many requests as it may refuse today (UTC). Requests are possible again from "
    "2026-11-22 00:00 UTC on."
)


def attempt(
    *, charged: ChargeStatus, outcome: str | None = None, amount: float | None = None, known: bool = True
) -> Attempt:
    return Attempt(
        id="attempt",
        number=1,
        generator="wan",
        billing=Billing.PAID,
        idempotency_key="key",
        upstream_id="job" if known else None,
        created_at=0.0,
        submitted_at=0.0,
        ended_at=1.0 if outcome else None,
        outcome=outcome,
        charge=Charge(charged=charged, amount=amount),
        upstream_copy_status=None,
    )


def english_words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{3,}", re.sub("wan|Safelight|USD|UTC|out of memory", "", text))


@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])
@pytest.mark.parametrize(
    ("error", "last"),
    [
        (LATE, None),
        (LATE, attempt(charged=ChargeStatus.NO, outcome="not_taken")),
        (LATE, attempt(charged=ChargeStatus.YES, outcome="done")),
        (LATE, attempt(charged=ChargeStatus.YES)),
        (LATE, attempt(charged=ChargeStatus.UNKNOWN)),
        (LATE, attempt(charged=ChargeStatus.UNKNOWN, known=False)),
        (FAILED, attempt(charged=ChargeStatus.YES, amount=0.4)),
        (FAILED, attempt(charged=ChargeStatus.NO)),
        (FAILED, attempt(charged=ChargeStatus.UNKNOWN)),
        (LOST, attempt(charged=ChargeStatus.UNKNOWN)),
        (USED, None),
        (USED, attempt(charged=ChargeStatus.NO, outcome="not_taken", known=False)),
    ],
)
def test_every_sentence_about_a_failed_video_is_translated(
    error: SafelightError, last: Attempt | None, tag: str
) -> None:
    text = describe_failure(error, last)
    assert translate_sentences(text, load_languages()["en"]) == text
    assert english_words(translate_sentences(text, load_languages()[tag])) == []


@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])
@pytest.mark.parametrize("retry", ["same", "new_seed", "change_prompt", "never"])
@pytest.mark.parametrize(
    ("stage", "charged"), list(zip(("input", "output", "unknown"), ChargeStatus, strict=True))
)
def test_every_sentence_about_a_refusal_of_a_provider_is_translated(
    retry: str, stage: str, charged: ChargeStatus, tag: str
) -> None:
    refusal = ProviderRefusal(
        provider="", stage=stage, category="", code="", message="", charged=charged, retry=retry
    )
    text, details = explain_refusal(refusal, Charge(charged=charged), server="wan")
    translations = load_languages()[tag]
    assert english_words(translate_sentences(text, translations)) == []
    assert english_words(translate_sentences(details["next_step"], translations)) == []


@pytest.mark.parametrize("tag", ["zh-Hant", "zh-Hans"])
@each_row
def test_every_sentence_about_the_answers_of_a_generator_is_translated(text: str, tag: str) -> None:
    found = translate_sentences(text, load_languages()[tag])
    assert english_words(re.sub("`[a-z_]+`|API|https?", "", found)) == []


def test_after_an_earlier_attempt_the_budget_does_not_claim_that_nothing_was_sent() -> None:
    lost = replace(attempt(charged=ChargeStatus.NO, outcome="lost", known=False), billing=Billing.OWN)
    assert describe_failure(USED, lost) == str(USED)
    assert NOTHING_SENT in describe_failure(USED, None)


def test_words_of_a_provider_and_ids_stay_as_they_are() -> None:
    text = "wan failed: CUDA error. See the log. wan did not charge for it."
    assert translate_sentences(text, load_languages()["zh-Hant"]) == (
        "wan 生成失敗：CUDA error. See the log. wan 沒有收費。"
    )
    steps = ("It was submitted again as video_1; follow that video.", describe_release("video_1"))
    for tag, step in itertools.product(("zh-Hant", "zh-Hans"), steps):
        text = f"It is not known whether wan charged for it. {step}"
        found = translate_sentences(text, load_languages()[tag])
        assert english_words(found.replace("video_1", "")) == []
        assert "video_1" in found
