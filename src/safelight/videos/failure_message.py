"""The sentences of a video that failed for a technical reason: cause, charge and next step."""

from __future__ import annotations

import datetime as dt

from safelight.core.errors import (
    DeadlineExceeded,
    RefusalBudgetUsed,
    SafelightError,
    SubmissionUnconfirmed,
    UpstreamError,
    UpstreamRejected,
)
from safelight.providers.protocol import Billing, ChargeStatus
from safelight_client.money import format_money

from .models import Attempt

NOTHING_SENT = "Nothing was sent to a generator, so nothing was charged."
_AGAIN = "You may submit it again later."


def late_sentence(deadline_s: float) -> str:
    """The message of a video that was not finished before its deadline."""
    minutes, seconds = divmod(round(deadline_s), 60)
    limit = f"{minutes} min" if minutes > 1 and not seconds else f"{deadline_s:.0f} s"
    return f"The video was not finished within {limit}."


def describe_kept_clip(attempt: Attempt | None, kept_until: float) -> str:
    """What a clip that was not delivered cost, its place, and until when it is kept."""
    until = dt.datetime.fromtimestamp(kept_until, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    kept = f"The finished clip is kept here until {until} and shown to nobody."
    return f"{_describe_charge(attempt)} {kept}" if attempt else kept


def describe_cut_download(attempt: Attempt, error: UpstreamError, failures: int, until: float) -> str:
    """Why a finished clip is not here yet: what the provider does, how often it was tried, the charge, and
    until when it is tried again.
    """
    paid = f"{_describe_paid(attempt)}. " if attempt.charge.charged is ChargeStatus.YES else ""
    end = dt.datetime.fromtimestamp(until, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{attempt.generator} has finished the video, but {failures} downloads failed. "
        f"{error.message} {paid}It is tried again until {end}."
    )


def describe_failure(
    error: SafelightError, attempt: Attempt | None, *, problem: str = "", kept_until: float | None = None
) -> str:
    """The message of a failed video.

    `attempt` is its last attempt, as stored; None if there was none. `problem` is why the last call to its
    generator failed or was not made; empty if it did not fail. `kept_until`: until when its paid clip is
    kept.
    """
    if kept_until is not None and not isinstance(error, UpstreamError):
        again = "Until then it can be scanned again without a new charge."
        return f"{error} {describe_kept_clip(attempt, kept_until)} {again}"
    if attempt is None:
        if not isinstance(error, DeadlineExceeded | RefusalBudgetUsed):
            return str(error)
        cause = problem if isinstance(error, DeadlineExceeded) else ""
        return " ".join(sentence for sentence in (str(error), cause, NOTHING_SENT) if sentence)
    name = attempt.generator
    if isinstance(error, SubmissionUnconfirmed):
        cause = f"{problem} {error}" if problem not in str(error) else str(error)
        return (
            f"{cause} {name} may have taken the request and may charge for it. Safelight never sends it "
            f"again by itself. Look at the bill of {name} before you submit a new request."
        )
    if isinstance(error, DeadlineExceeded):
        sentences = [str(error), problem, _describe_progress(attempt, problem)]
        if attempt.outcome != "not_taken":
            sentences.append(_describe_charge(attempt))
        if attempt.outcome == "not_taken" or not _may_be_charged(attempt):
            sentences.append(_AGAIN)
    else:
        # What a generator rejects once, it rejects again: the request or a setting must change.
        can_pass = isinstance(error, UpstreamError) and not isinstance(error, UpstreamRejected)
        sentences = [str(error), _describe_charge(attempt)]
        # What the operator can remedy is not a failure of the provider.
        is_failure = isinstance(error, UpstreamError) and error.remedy is None
        if is_failure and _may_be_charged(attempt) and attempt.charge.charged is ChargeStatus.YES:
            sentences.append(f"Ask {name} for a refund.")
        if kept_until is not None:
            sentences.append(describe_kept_clip(None, kept_until))
        if can_pass and error.remedy is None and not _may_be_charged(attempt):
            sentences.append(_AGAIN)
    return " ".join(sentence for sentence in sentences if sentence)


def _describe_progress(attempt: Attempt, problem: str) -> str:
    """How far the generator came with a video that was not finished before its deadline."""
    name = attempt.generator
    if attempt.outcome == "not_taken":
        return f"{name} never took the request, so nothing was charged."
    if attempt.outcome == "lost" or (problem and attempt.upstream_id is None):
        return f"{name} gave no usable answer to the submission."
    if attempt.upstream_id is not None:
        # It may have finished: a generator that cannot be reached cannot say so.
        return f"{name} took the request, but no finished video came from it in time."
    return f"{name} had not finished it."


def _may_be_charged(attempt: Attempt) -> bool:
    return attempt.billing is Billing.PAID and attempt.charge.charged is not ChargeStatus.NO


def _describe_charge(attempt: Attempt) -> str:
    """Whether a paid generator charged for the attempt; empty for own hardware, which charges nothing."""
    name, charge = attempt.generator, attempt.charge
    if attempt.billing is Billing.OWN:
        return ""
    if charge.charged is ChargeStatus.NO:
        return f"{name} did not charge for it."
    if charge.charged is ChargeStatus.YES:
        return f"{_describe_paid(attempt)}, and no video was delivered."
    return f"It is not known whether {name} charged for it. Look at its bill before you submit a new request."


def _describe_paid(attempt: Attempt) -> str:
    """What a generator charged, without a full stop; without the amount if that is not known."""
    charge = attempt.charge
    amount = "" if charge.amount is None else f" {format_money(charge.amount, charge.currency)}"
    return f"{attempt.generator} charged{amount} for it"
