from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.core.errors import (
    DeadlineExceeded,
    SafelightError,
    SandboxCrashed,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamInvalidResponse,
)
from safelight.core.i18n import translate_sentence
from safelight.providers.protocol import Billing, Charge, ChargeStatus
from safelight.videos.failure_message import describe_cut_download, describe_failure, late_sentence
from safelight.videos.models import Attempt
from support.rows import each_row


@each_row
def test_a_long_deadline_is_given_in_minutes(deadline_s: float, limit: str, translated: str) -> None:
    text = late_sentence(deadline_s)
    assert text == f"The video was not finished within {limit}."
    assert translated in (translate_sentence("provider_errors", text, "zh-Hant") or "")


PAID = Attempt(
    id="attempt_1",
    number=1,
    generator="runway",
    billing=Billing.PAID,
    idempotency_key="video_1-1",
    upstream_id="task_1",
    created_at=0.0,
    submitted_at=0.0,
    ended_at=1.0,
    outcome="done",
    charge=Charge(charged=ChargeStatus.YES, amount=1.0),
    upstream_copy_status=None,
)


@pytest.mark.parametrize(
    ("error", "advised"),
    [
        (UpstreamError("runway failed."), True),
        (UpstreamInvalidResponse("The clip from runway is not a usable video."), True),
        (UpstreamInvalidResponse("The finished video exceeds the limit.", remedy="Raise the limit."), False),
        (SandboxCrashed("The scan child ended."), False),
        (SafelightError("An internal error."), False),
        (DeadlineExceeded("The video was not finished within 30 min."), False),
        (SubmissionUnconfirmed("The answer was lost."), False),
    ],
)
@pytest.mark.parametrize("kept_until", [None, 1e9])
def test_a_refund_is_advised_only_if_the_provider_failed(
    error: SafelightError, advised: bool, kept_until: float | None
) -> None:
    text = describe_failure(error, PAID, kept_until=kept_until)
    assert ("Ask runway for a refund." in text) is advised
    assert ("kept here until" in text) is (
        kept_until is not None and not isinstance(error, SubmissionUnconfirmed)
    )


@pytest.mark.parametrize(
    ("amount", "paid"), [(1.0, "runway charged $1.00 for it."), (None, "runway charged for it.")]
)
def test_a_download_that_fails_names_the_charge_and_the_amount_if_it_is_known(
    amount: float | None, paid: str
) -> None:
    attempt = replace(PAID, charge=Charge(charged=ChargeStatus.YES, amount=amount))
    text = describe_cut_download(attempt, UpstreamError("It was cut off."), 3, 0.0)
    assert text == (
        f"runway has finished the video, but 3 downloads failed. It was cut off. {paid} "
        "It is tried again until 1970-01-01 00:00 UTC."
    )
