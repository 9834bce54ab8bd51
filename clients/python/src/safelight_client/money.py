"""Amounts of money: in whole millionths for sums, and in one form for people."""

from __future__ import annotations

import math
from decimal import Decimal

MICRO = 1_000_000
#: Shown where an amount is not known.
NOT_KNOWN = "price not known"


def micro(amount: float) -> int:
    """An amount in millionths, rounded up. A difference of a float's last digits is no millionth."""
    return math.ceil(round(amount * MICRO, 3))


def usd(amount: int) -> float:
    return amount / MICRO


def format_money(amount: float | Decimal | None, currency: str = "USD") -> str:
    """`$1.20`, `$0.004`, `1.20 EUR`; units of a provider such as credits without decimals: `12 CREDITS`."""
    if amount is None:
        return NOT_KNOWN
    whole, rest = divmod(micro(abs(float(amount))), MICRO)
    decimals = f"{rest:06}".rstrip("0")
    is_money = len(currency) <= len("USD")
    digits = f"{whole}.{decimals.ljust(2, '0') if is_money else decimals}".rstrip(".")
    sign = "-" if amount < 0 else ""
    return f"{sign}${digits}" if currency == "USD" else f"{sign}{digits} {currency}".rstrip()


def format_at_most(amount: float, unpriced: int) -> str:
    """The highest price of several things, of which some have no known price."""
    if not unpriced:
        return f"at most {format_money(amount)}"
    if not amount:
        return NOT_KNOWN
    return f"at most {format_money(amount)} and {unpriced} whose price is not known"
