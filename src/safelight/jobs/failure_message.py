"""The sentences of a video that failed for a technical reason: cause, charge and next step."""

from __future__ import annotations

from safelight.errors import DeadlineExceeded, SafelightError, SubmissionUnconfirmed
from safelight.generation.protocol import Billing, ChargeStatus

from .models import Attempt


def describe_failure(error: SafelightError, attempt: Attempt | None) -> str:
    """The message of a failed video. `attempt` is its last attempt, as stored; None if there was none."""
    if attempt is None:
        is_late = isinstance(error, DeadlineExceeded)
        return f"{error} Nothing was sent to a generator, so nothing was charged." if is_late else str(error)
    name = attempt.generator
    if isinstance(error, SubmissionUnconfirmed):
        return (
            f"{error} {name} may have taken the request and may charge for it. Safelight never sends it "
            f"again by itself. Look at the bill of {name} before you submit a new request."
        )
    if isinstance(error, DeadlineExceeded):
        return f"{error} {_describe_progress(attempt)}"
    return " ".join(part for part in (str(error), _describe_charge(attempt)) if part)


def _describe_progress(attempt: Attempt) -> str:
    """How far the generator came with a video that was not finished before its deadline."""
    name = attempt.generator
    if attempt.outcome == "not_taken":
        return f"{name} never took the request, so nothing was charged. You may submit it again later."
    if attempt.ended_at is not None and attempt.outcome != DeadlineExceeded.code:
        progress = f"{name} had finished it; our own checks were not done in time."
    elif attempt.billing is Billing.PAID and attempt.charge.charged is not ChargeStatus.UNKNOWN:
        # The charge is known only when the generator has finished.
        progress = f"{name} had finished it; the file was not downloaded and converted in time."
    elif attempt.upstream_id is not None:
        progress = f"{name} took the request and did not finish it."
    else:
        progress = f"{name} had not finished it."
    return f"{progress} {_describe_charge(attempt)}".rstrip()


def _describe_charge(attempt: Attempt) -> str:
    """Whether a paid generator charged for the attempt; empty for own hardware, which charges nothing."""
    name, charge = attempt.generator, attempt.charge
    if attempt.billing is Billing.OWN:
        return ""
    if charge.charged is ChargeStatus.NO:
        return f"{name} did not charge for it."
    if charge.charged is ChargeStatus.YES:
        amount = "" if charge.amount is None else f" {charge.amount:g} {charge.currency}"
        return f"{name} charged{amount} for it, and no video was delivered. Ask {name} for a refund."
    return f"It is not known whether {name} charged for it. Look at its bill before you submit a new request."
