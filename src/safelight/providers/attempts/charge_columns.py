"""The columns in which every table of attempts stores a charge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from safelight.providers.protocol import Charge, ChargeStatus
from safelight.store.database import Row


def charge_columns(charge: Charge) -> dict[str, Any]:
    return {
        "charge_status": charge.charged.value,
        "amount": charge.amount,
        "currency": charge.currency,
        "charge_source": charge.source,
    }


def read_charge(row: Row) -> Charge:
    return Charge(
        charged=ChargeStatus(row.charge_status),
        amount=row.amount,
        currency=row.currency,
        source=row.charge_source,
    )


def read_logged_charge(row: Row) -> Charge:
    """The charge as the attempt log shows it: without an amount, the currency is empty."""
    charge = read_charge(row)
    return replace(charge, currency="") if charge.amount is None else charge
