"""Amounts and prices."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.ledger import MICROS, Prices, to_micros


@given(st.integers(min_value=0, max_value=10**12))
def test_an_amount_with_six_decimals_is_converted_without_a_loss(micros: int) -> None:
    assert to_micros(Decimal(micros) / MICROS) == micros


def test_amounts_of_providers_are_not_changed_by_binary_fractions() -> None:
    assert [to_micros(amount) for amount in (0.1, 0.4, 1.005, 0.0000005)] == [100_000, 400_000, 1_005_000, 0]


@given(seconds=st.integers(0, 3600), price=st.integers(0, 10**9), own=st.integers(0, 10**9))
def test_the_price_of_a_model_replaces_the_general_price(seconds: int, price: int, own: int) -> None:
    prices = Prices(micros_per_second=price, by_model={"dear": own})
    assert prices.price_of("dear", seconds) == own * seconds
    assert prices.price_of("other", seconds) == price * seconds
