"""Which refunds of an attempt can be recorded. Pure."""

from __future__ import annotations

from safelight.errors import InvalidField
from safelight.generation.protocol import ChargeStatus
from safelight_client.money import format_money

from .models import AttemptRecord, AttemptRefund


def check_refund(attempt: AttemptRecord, refund: AttemptRefund) -> None:
    """Raises `InvalidField` if nothing was charged, or if the refund is more than what is left."""
    charge = attempt.charge
    if charge.charged is ChargeStatus.NO:
        raise InvalidField("Nothing was charged for this attempt.", param="refund-of")
    if attempt.is_refunded:
        raise InvalidField("The charge of this attempt was refunded already.", param="refund-of")
    if refund.amount is None or charge.amount is None:
        return
    if refund.currency != charge.currency:
        raise InvalidField(
            f"The charge is in {charge.currency}, the refund in {refund.currency or 'no currency'}.",
            param="currency",
        )
    left = round(charge.amount - attempt.refunded_amount, 6)
    if refund.amount > left:
        raise InvalidField(
            f"Only {format_money(left, charge.currency)} of this charge is left.", param="amount"
        )


def find_missing_refund(attempt: AttemptRecord, stated: AttemptRefund) -> AttemptRefund | None:
    """The part of a bill's refund that is not recorded yet; None if all is, or if it cannot be compared."""
    charge = attempt.charge
    if stated.amount is None or charge.amount is None or stated.currency != charge.currency:
        return None
    missing = round(min(stated.amount, charge.amount) - attempt.refunded_amount, 6)
    return AttemptRefund(amount=missing, currency=stated.currency) if missing > 0 else None
